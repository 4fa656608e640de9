// A ring's used part as a stream of bytes, and back.
//
//   prologue | extra | per lane: bounds | per lane: records, frames | checksum of all before
//
// All numbers are little-endian words of 8 bytes. Only what can be sampled is kept, with the slots
// that its oldest stack needs, so that a ring of another size may take it up.
#pragma once

#include <cstdint>
#include <functional>
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
};

using Sink = std::function<void(std::span<const std::uint8_t>)>;

// `extra` is the caller's own. Throws Overtaken where writers have overtaken the window meanwhile.
void write_snapshot(const Ring& ring, const Window& window,
                    std::span<const std::uint64_t> forgotten_ordinals,
                    std::span<const std::uint8_t> extra, const Sink& sink);

struct LoadedSnapshot {
  std::vector<LaneBounds> lanes;
  std::vector<std::uint8_t> extra;
};

// What a buffer must have in common with one whose snapshot it takes up.
struct Expected {
  std::span<const std::uint8_t> format;  // what the extra begins with
  std::uint64_t capacity = 0;            // transitions a lane may have; its window is kept whole
};

// Fills an empty ring that nobody else uses yet. Everything is checked before anything is written;
// the last to be asked is `accept`, which may throw. Throws BadSnapshot, and std::logic_error for a
// ring that has slots.
LoadedSnapshot read_snapshot(const Ring& ring, std::span<const std::uint8_t> bytes,
                             const Expected& expected,
                             const std::function<void(const LoadedSnapshot&)>& accept);

}  // namespace framering::ring
