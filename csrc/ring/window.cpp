#include "ring/window.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace framering::ring {

namespace {

// The transitions up to and with the newest published slot, 0 for an empty lane.
std::uint64_t newest_ordinal(const Lane& lane) {
  for (;;) {
    const std::uint64_t published = lane.published();
    if (published == 0) {
      return 0;
    }
    // Overwritten only if the writer made a whole lap since; then there is a newer one.
    if (const auto record = lane.read_record(published - 1)) {
      return record->ordinal;
    }
  }
}

// The first slot in [low, high) that is not too old; high where all are. If a slot is too old, so
// are those before it.
template <class TooOld>
std::uint64_t first_young(std::uint64_t low, std::uint64_t high, TooOld too_old) {
  // Everything before low is too old. Take longer and longer steps, then halve the last one.
  std::uint64_t step = 1;
  while (low < high && too_old(std::min(low + step, high) - 1)) {
    low = std::min(low + step, high);
    step *= 2;
  }
  high = std::min(low + step, high);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (too_old(middle)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The first slot with at least this ordinal. Ordinals never fall from one slot to the next; what
// has been overwritten counts as too old.
std::uint64_t first_with_ordinal(const Lane& lane, std::uint64_t low, std::uint64_t high,
                                 std::uint64_t ordinal) {
  return first_young(low, high, [&](std::uint64_t slot) {
    const auto record = lane.read_record(slot);
    return !record || record->ordinal < ordinal;
  });
}

// The first slot that stays whole while so many more are written, each as long as can be.
std::uint64_t first_surviving(const Lane& lane, std::uint64_t low, std::uint64_t high,
                              std::uint64_t writes) {
  const std::uint64_t longest = lane.frame_bytes() / sizeof(std::uint64_t) + 2;
  // One more, for what does not fit before the arena's end.
  const std::uint64_t end = lane.load_location(high - 1).end + (writes + 1) * longest;
  return first_young(low, high, [&](std::uint64_t slot) {
    const FrameLocation location = lane.load_location(slot);
    return !lane.validate(slot) || location.begin() + lane.arena_words() < end;
  });
}

}  // namespace

std::optional<std::uint64_t> find_transition(const Lane& lane, const LaneWindow& window,
                                             std::uint64_t ordinal) {
  const auto oldest =
      window.low < window.high ? lane.read_record(window.low) : std::optional<Record>();
  if (!oldest || ordinal < oldest->ordinal) {
    return std::nullopt;
  }
  // From one slot to the next an ordinal grows by at most 1.
  const std::uint64_t nearest =
      window.low + std::min(ordinal - oldest->ordinal, window.high - window.low);
  const std::uint64_t slot = first_with_ordinal(lane, nearest, window.high, ordinal);
  if (slot == window.high) {
    return std::nullopt;
  }
  // Context in front of the window's first transition has the ordinal of the one before it.
  const auto record = lane.read_record(slot);
  return record && record->transition && record->ordinal == ordinal ? std::optional(slot)
                                                                    : std::nullopt;
}

WindowFinder::WindowFinder(std::shared_ptr<const Ring> ring, std::uint64_t capacity)
    : ring_(std::move(ring)),
      capacity_(capacity),
      lows_(ring_->geometry().lanes),
      forgotten_(ring_->geometry().lanes),
      forgotten_ordinals_(ring_->geometry().lanes) {
  if (capacity == 0) {
    throw std::invalid_argument("a window holds at least 1 transition, got a capacity of 0");
  }
}

void WindowFinder::find(std::uint64_t guard, Window& window) {
  const std::uint64_t most = ring_->geometry().slots - 2 * ring_->geometry().stack;
  if (guard >= most) {
    throw std::invalid_argument("guard: expected less than the " + std::to_string(most) +
                                " slots that a lane can keep, got " + std::to_string(guard));
  }
  window.lanes.resize(lows_.size());
  window.ends.resize(lows_.size());
  window.transitions = 0;
  std::uint64_t end = 0;
  for (std::size_t index = 0; index < lows_.size(); ++index) {
    const LaneWindow& found = window.lanes[index] = find_lane(index, guard);
    end += found.high - found.low;
    window.ends[index] = end;
    window.transitions += found.transitions;
  }
}

LaneWindow WindowFinder::find_lane(std::size_t index, std::uint64_t guard) {
  const Lane lane = ring_->lane(index);
  for (;;) {
    const std::uint64_t high = lane.published();
    if (high <= forgotten_[index]) {
      return {.low = high, .high = high, .transitions = 0};
    }
    const auto newest = lane.read_record(high - 1);
    if (!newest) {
      continue;  // a whole lap since
    }
    // A transition at slot s reads no slot before s − 2·stack + 1: less than one stack back to the
    // end of its obs, and less than one more to the start of that.
    const std::uint64_t kept = lane.slots() - guard - 2 * lane.stack();
    std::uint64_t low = std::max(forgotten_[index], high < kept ? 0 : high - kept);
    low = std::min(std::max(low, lows_[index]), high);
    if (lane.encoded()) {
      // Memory may be short of that.
      std::uint64_t whole = lane.oldest();
      if (guard > 0 && whole < high) {
        whole = first_surviving(lane, whole, high, guard);
      }
      low = std::max(low, whole == 0 ? 0 : whole + 2 * lane.stack() - 1);
      if (low >= high) {
        if (lane.published() != high) {
          continue;  // perhaps a lap during the search
        }
        return {.low = high, .high = high, .transitions = 0};
      }
    }
    if (newest->ordinal >= capacity_) {
      low = first_with_ordinal(lane, low, high, newest->ordinal - capacity_ + 1);
    }
    if (guard == 0) {
      lows_[index] = low;
    }
    if (low == high) {
      continue;  // a lap during the search: the newest slot itself has the ordinal looked for
    }
    if (const auto oldest = lane.read_record(low)) {
      return {.low = low,
              .high = high,
              .transitions = newest->ordinal - oldest->ordinal + (oldest->transition ? 1U : 0U)};
    }
  }
}

void WindowFinder::forget() {
  for (std::size_t index = 0; index < forgotten_.size(); ++index) {
    const Lane lane = ring_->lane(index);
    forgotten_ordinals_[index] = newest_ordinal(lane);
    forgotten_[index] = lane.published();
  }
}

void WindowFinder::restore(std::vector<std::uint64_t> lows,
                           std::vector<std::uint64_t> forgotten_ordinals) {
  forgotten_ = std::move(lows);
  forgotten_ordinals_ = std::move(forgotten_ordinals);
}

std::vector<std::uint64_t> WindowFinder::transitions_seen() const {
  std::vector<std::uint64_t> seen(forgotten_.size());
  for (std::size_t index = 0; index < seen.size(); ++index) {
    seen[index] = newest_ordinal(ring_->lane(index)) - forgotten_ordinals_[index];
  }
  return seen;
}

}  // namespace framering::ring
