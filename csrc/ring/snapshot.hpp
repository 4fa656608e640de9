// A ring's used part as a stream of bytes, and back.
//
//   prologue | extra | per lane: bounds | per lane: records, frames | checksum of all before
//
// All numbers are little-endian words of 8 bytes. Only what can be sampled is kept, with the slots
// that its oldest stack needs, so that a ring of another size can load it. Records are without
// their frames' locations. Encoded frames are as in the ring, one behind the other, but for the
// first one, which needs no other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "ring/window.hpp"

namespace framering::ring {

// Thrown for bytes that are no snapshot, are damaged, or do not fit the ring.
class BadSnapshot : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

struct LaneBounds {
  std::uint64_t first = 0;              // the oldest slot that is kept
  std::uint64_t low = 0;                // the window's first slot
  std::uint64_t high = 0;               // one more than its last
  std::uint64_t forgotten_ordinal = 0;  // see WindowFinder
  std::uint64_t frame_words = 0;        // of all its frames
};

using Sink = std::function<void(std::span<const std::uint8_t>)>;

// `extra` is the caller's own. Throws Overrun where writers have overwritten a part of the window.
void write_snapshot(const Ring& ring, const Window& window,
                    std::span<const std::uint64_t> forgotten_ordinals,
                    std::span<const std::uint8_t> extra, const Sink& sink);

// A snapshot's bytes, read once from front to back.
struct Source {
  std::uint64_t size = 0;
  // Reads up to as many bytes as there is room for, and returns their number: 0 only at the end.
  std::function<std::size_t(std::span<std::uint8_t>)> read;
};

struct LoadedSnapshot {
  std::vector<LaneBounds> lanes;
  std::vector<std::uint64_t> oldest;  // slot of each lane, for which there was room
  std::vector<std::uint8_t> extra;

  [[nodiscard]] std::uint64_t window_slots() const;
};

// What a buffer must have in common with one whose snapshot it loads.
struct Expected {
  std::span<const std::uint8_t> format;  // what the extra begins with
  std::uint64_t capacity = 0;            // transitions a lane may have; its window is kept whole
};

// Loading has two steps, so that the caller can check the extra in between. A ring that has been
// loaded into must be empty and unused by others until both are done.
//
// Copies the snapshot's slots to where they belong in the ring and checks everything. They stay
// unpublished: for readers and writers the ring is still empty, and where anything is wrong it
// remains so. The bytes are read once and never looked at again, so that a file that changes
// meanwhile can do no harm. Throws BadSnapshot.
LoadedSnapshot load_slots(const std::shared_ptr<const Ring>& ring, const Source& source,
                          const Expected& expected);

// Publishes the slots that load_slots has copied.
void publish_slots(const Ring& ring, const LoadedSnapshot& loaded);

// Throws std::logic_error for a ring that has slots.
void require_empty(const Ring& ring);

}  // namespace framering::ring
