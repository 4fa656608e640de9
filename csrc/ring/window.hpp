// Windows: which slots of each lane a sampler may draw from.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ring/ring.hpp"

namespace framering::ring {

struct LaneWindow {
  std::uint64_t low = 0;          // the oldest slot
  std::uint64_t high = 0;         // one more than the newest
  std::uint64_t transitions = 0;  // in low … high − 1
};

// The slot of the transition with this ordinal, the first in a lane having 1; nullopt where the
// window has none. Takes time logarithmic in the slots of context between window.low and it. Not
// checked for being whole.
std::optional<std::uint64_t> find_transition(const Lane& lane, const LaneWindow& window,
                                             std::uint64_t ordinal);

// A snapshot of all lanes. Its slots stay whole until a writer overwrites them.
struct Window {
  std::vector<LaneWindow> lanes;
  std::vector<std::uint64_t> ends;  // slots in the lanes up to and with each
  std::uint64_t transitions = 0;

  [[nodiscard]] std::uint64_t slots() const { return ends.empty() ? 0 : ends.back(); }
};

// Finds a lane's newest `capacity` transitions, or as many as are still whole. Because windows only
// move forward it starts where it ended before, so that finding one costs a few records.
class WindowFinder {
 public:
  WindowFinder(std::shared_ptr<const Ring> ring, std::uint64_t capacity);

  [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

  // `guard` slots of each lane may still be written before a slot of the window is overwritten.
  // Throws std::invalid_argument for a guard that leaves nothing of the ring.
  void find(std::uint64_t guard, Window& window);

  // From now on, windows start at what is published later.
  void forget();

  // The transitions that each lane had had at the last forget; and back, with the slots that
  // windows may start at, into a new finder.
  [[nodiscard]] const std::vector<std::uint64_t>& forgotten_ordinals() const {
    return forgotten_ordinals_;
  }
  void restore(std::vector<std::uint64_t> lows, std::vector<std::uint64_t> forgotten_ordinals);

  // Transitions that each lane has had since the last forget.
  [[nodiscard]] std::vector<std::uint64_t> transitions_seen() const;

 private:
  [[nodiscard]] LaneWindow find_lane(std::size_t index, std::uint64_t guard);

  std::shared_ptr<const Ring> ring_;
  std::uint64_t capacity_;
  std::vector<std::uint64_t> lows_;       // where each lane's window started last
  std::vector<std::uint64_t> forgotten_;  // slots before these
  std::vector<std::uint64_t> forgotten_ordinals_;
};

}  // namespace framering::ring
