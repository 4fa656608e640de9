#include "ring/snapshot_checks.hpp"

#include <optional>
#include <string>

#include "ring/record_checks.hpp"

namespace framering::ring {

namespace {

[[noreturn]] void too_large(std::uint64_t number, const char* what, std::uint64_t taken) {
  throw BadSnapshot("the snapshot does not fit: one environment has " + std::to_string(number) +
                    what + " in it, this buffer takes " + std::to_string(taken) +
                    ": make it larger");
}

}  // namespace

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
  require(found.row_bytes == own.row_bytes, "bytes a row", own.row_bytes, found.row_bytes);
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

void require_records(const Lane& lane, const LaneBounds& bounds, std::uint64_t capacity) {
  std::optional<std::uint64_t> ordinal;
  std::uint64_t transitions = 0;
  for (std::uint64_t slot = bounds.first; slot < bounds.high; ++slot) {
    const Record record = lane.load_record(slot);
    const bool readable = !record.transition || slot < bounds.low ||
                          reads_kept_slots(record, slot - bounds.first, lane.stack());
    if (!counts_transitions(record, slot, ordinal) || !readable) {
      throw BadSnapshot("the snapshot contradicts itself in slot " + std::to_string(slot));
    }
    ordinal = record.ordinal;
    transitions += record.transition && slot >= bounds.low ? 1 : 0;
  }
  if (bounds.forgotten_ordinal > ordinal.value_or(0)) {
    throw BadSnapshot("the snapshot contradicts itself in its bounds");
  }
  if (transitions > capacity) {
    too_large(transitions, " transitions", capacity);
  }
}

}  // namespace framering::ring
