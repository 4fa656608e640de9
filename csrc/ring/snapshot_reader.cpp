#include <algorithm>
#include <cstring>
#include <optional>

#include "ring/hash.hpp"
#include "ring/payload.hpp"
#include "ring/snapshot.hpp"
#include "ring/snapshot_format.hpp"

namespace framering::ring {

namespace {

// Reads a source and computes the checksum of what has been read.
class CheckedSource {
 public:
  explicit CheckedSource(const Source& source) : source_(source), unread_(source.size) {}

  void read(std::span<std::uint8_t> out) {
    if (out.size() > unread_) {
      throw BadSnapshot("the snapshot is cut short");
    }
    read_unchecked(out);
    hash_.update(out.data(), out.size());
  }
  template <class Value>
  Value read() {
    Value value;
    read({reinterpret_cast<std::uint8_t*>(&value), sizeof(Value)});
    return value;
  }
  std::vector<std::uint8_t> read(std::uint64_t number) {
    if (number > unread_) {  // before memory is taken for it
      throw BadSnapshot("the snapshot is cut short");
    }
    std::vector<std::uint8_t> bytes(number);
    read(bytes);
    return bytes;
  }

  [[nodiscard]] std::uint64_t unread() const { return unread_; }

  // Reads the rest, whatever it is, and throws BadSnapshot where its last word is not the checksum
  // of all that is before it.
  void require_checksum() {
    std::vector<std::uint8_t> chunk(std::size_t{1} << 16U);
    while (unread_ > kWord) {
      read(std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), unread_ - kWord)));
    }
    const std::uint64_t expected = hash_.digest();
    std::uint64_t checksum = 0;
    if (unread_ == kWord) {
      read_unchecked({reinterpret_cast<std::uint8_t*>(&checksum), kWord});
    }
    if (checksum != expected) {
      throw BadSnapshot("the snapshot is damaged: its checksum is wrong");
    }
  }

 private:
  void read_unchecked(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      const std::size_t number = source_.read(out);
      if (number == 0) {
        throw BadSnapshot("the snapshot is cut short: it became smaller while it was read");
      }
      out = out.subspan(number);
      unread_ -= number;
    }
  }

  const Source& source_;
  std::uint64_t unread_;
  Hash hash_;
};

void require_fit(const Geometry& found, const Geometry& own) {
  const auto require = [](bool same, const char* what, std::uint64_t expected, std::uint64_t came) {
    if (!same) {
      throw BadSnapshot(std::string("the snapshot is of another buffer: expected ") + what + " " +
                        std::to_string(expected) + ", got " + std::to_string(came));
    }
  };
  require(found.lanes == own.lanes, "environments", own.lanes, found.lanes);
  require(found.frame_bytes == own.frame_bytes, "bytes a frame", own.frame_bytes,
          found.frame_bytes);
  require(found.stack == own.stack, "frames a stack", own.stack, found.stack);
  require(found.action_bytes == own.action_bytes, "bytes an action", own.action_bytes,
          found.action_bytes);
}

[[noreturn]] void too_large(std::uint64_t number, const char* what, std::uint64_t taken) {
  throw BadSnapshot("the snapshot does not fit: one environment has " + std::to_string(number) +
                    what + " in it, this buffer takes " + std::to_string(taken) +
                    ": make it larger");
}

void require_bounds(const LaneBounds& bounds, const Geometry& geometry) {
  // Slots are counted from 0 and are never negative as int64, multiplied by the lanes neither (see
  // the indices of prioritized sampling); and so many are never written.
  const std::uint64_t most = (std::uint64_t{1} << 62U) / geometry.lanes;
  if (bounds.first > bounds.low || bounds.low > bounds.high || bounds.high > most ||
      (bounds.high > 0 && bounds.first == bounds.high)) {
    throw BadSnapshot("the snapshot contradicts itself in its bounds");
  }
  if (bounds.high - bounds.first > geometry.slots) {
    too_large(bounds.high - bounds.first, " frames", geometry.slots);
  }
  // What a window may span: see WindowFinder.
  const std::uint64_t spanned = geometry.slots - 2 * geometry.stack;
  if (bounds.high - bounds.low > spanned) {
    too_large(bounds.high - bounds.low, " frames to sample", spanned);
  }
}

// Whether the slots that a transition reads, behind its own slot, are kept.
bool reads_kept_slots(const Record& record, std::uint64_t slot, std::uint64_t first,
                      std::uint64_t stack) {
  const std::uint64_t kept = slot - first;
  const auto behind = [&](std::uint64_t age) { return std::min(age, stack - 1); };
  return behind(record.age) <= kept && record.distance >= 1 && record.distance <= stack &&
         record.distance + behind(record.obs_age) <= kept;
}

// Samplers rely on what writers make sure of: ordinals that count the transitions, and stacks that
// lie within what is kept.
void require_records(const Lane& lane, const LaneBounds& bounds, std::uint64_t capacity) {
  std::optional<std::uint64_t> ordinal;
  std::uint64_t transitions = 0;
  for (std::uint64_t slot = bounds.first; slot < bounds.high; ++slot) {
    const Record record = lane.load_record(slot);
    const std::uint64_t counted = record.transition ? 1 : 0;
    const bool counts = record.ordinal <= slot + 1 && record.ordinal >= counted &&
                        (!ordinal || record.ordinal == *ordinal + counted);
    const bool readable = !record.transition || slot < bounds.low ||
                          reads_kept_slots(record, slot, bounds.first, lane.stack());
    if (!counts || !readable) {
      throw BadSnapshot("the snapshot contradicts itself in slot " + std::to_string(slot));
    }
    ordinal = record.ordinal;
    transitions += slot < bounds.low ? 0 : counted;
  }
  if (bounds.forgotten_ordinal > ordinal.value_or(0)) {
    throw BadSnapshot("the snapshot contradicts itself in its bounds");
  }
  if (transitions > capacity) {
    too_large(transitions, " transitions", capacity);
  }
}

// One of the two arrays of a lane: `words` a slot, of which slot n belongs at at(n).
template <class At>
void read_slots(CheckedSource& source, const LaneBounds& bounds, std::size_t words, At at) {
  const std::uint64_t most = slots_per_chunk(words);
  std::vector<std::uint8_t> chunk(std::min(most, bounds.high - bounds.first) * words * kWord);
  for (std::uint64_t slot = bounds.first; slot < bounds.high;) {
    const std::uint64_t end = std::min(slot + most, bounds.high);
    source.read(std::span(chunk).first((end - slot) * words * kWord));
    const std::uint8_t* from = chunk.data();
    for (; slot < end; ++slot, from += words * kWord) {
      store_payload(at(slot), from, words * kWord);
    }
  }
}

LoadedSnapshot read_header(CheckedSource& source, const Prologue& prologue, const Layout& layout,
                           std::span<const std::uint8_t> format) {
  const Geometry& geometry = layout.geometry();
  require_fit(prologue.geometry, geometry);
  LoadedSnapshot loaded;
  loaded.extra = source.read(prologue.extra_bytes);
  if (loaded.extra.size() < format.size() ||
      !std::ranges::equal(std::span(loaded.extra).first(format.size()), format)) {
    throw BadSnapshot("the snapshot is of another buffer: its observations or actions differ");
  }
  std::uint64_t slots = 0;
  for (std::size_t index = 0; index < geometry.lanes; ++index) {
    loaded.lanes.push_back(source.read<LaneBounds>());
    require_bounds(loaded.lanes.back(), geometry);
    slots += loaded.lanes.back().high - loaded.lanes.back().first;
  }
  // Before anything is copied.
  const std::uint64_t bytes = slots * (layout.record_words() + layout.frame_words()) * kWord;
  if (source.unread() != bytes + kWord) {
    throw BadSnapshot(source.unread() < bytes + kWord
                          ? "the snapshot is cut short"
                          : "the snapshot is longer than its header says");
  }
  return loaded;
}

LoadedSnapshot read_body(CheckedSource& source, const Prologue& prologue, const Ring& ring,
                         const Expected& expected) {
  const Layout& layout = ring.layout();
  LoadedSnapshot loaded = read_header(source, prologue, layout, expected.format);
  for (std::size_t index = 0; index < loaded.lanes.size(); ++index) {
    const Lane lane = ring.lane(index);
    const LaneBounds& bounds = loaded.lanes[index];
    read_slots(source, bounds, layout.record_words(),
               [&](std::uint64_t slot) { return lane.record(slot); });
    require_records(lane, bounds, expected.capacity);
    read_slots(source, bounds, layout.frame_words(),
               [&](std::uint64_t slot) { return lane.frame(slot); });
  }
  return loaded;
}

}  // namespace

std::uint64_t LoadedSnapshot::window_slots() const {
  std::uint64_t slots = 0;
  for (const LaneBounds& lane : lanes) {
    slots += lane.high - lane.low;
  }
  return slots;
}

void require_empty(const Ring& ring) {
  for (std::size_t index = 0; index < ring.geometry().lanes; ++index) {
    if (ring.lane(index).published() != 0) {
      throw std::logic_error("a snapshot is loaded into a new buffer, this one has been used");
    }
  }
}

LoadedSnapshot load_slots(const Ring& ring, const Source& source, const Expected& expected) {
  CheckedSource checked(source);
  if (source.size < sizeof(Prologue) + kWord) {
    throw BadSnapshot("this is no snapshot of a replay buffer");
  }
  const auto prologue = checked.read<Prologue>();
  if (prologue.magic != kSnapshotMagic) {
    throw BadSnapshot("this is no snapshot of a replay buffer");
  }
  if (prologue.version != kSnapshotVersion) {
    throw BadSnapshot("the snapshot has version " + std::to_string(prologue.version) +
                      ", this framering reads version " + std::to_string(kSnapshotVersion));
  }
  std::optional<LoadedSnapshot> loaded;
  try {
    loaded = read_body(checked, prologue, ring, expected);
  } catch (const BadSnapshot&) {
    // Of a damaged snapshot, damage is all that is worth saying.
    checked.require_checksum();
    throw;
  }
  checked.require_checksum();
  return *std::move(loaded);
}

void publish_slots(const Ring& ring, const LoadedSnapshot& loaded) {
  for (std::size_t index = 0; index < loaded.lanes.size(); ++index) {
    if (const std::uint64_t high = loaded.lanes[index].high; high > 0) {
      Counters& counters = ring.lane(index).counters();
      begin_write(counters, high - 1);
      end_write(counters, high - 1);
    }
  }
}

}  // namespace framering::ring
