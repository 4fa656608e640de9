// Gathering stacks and transitions out of a ring.
#pragma once

#include <cstdint>
#include <span>

#include "ring/ring.hpp"

namespace framering::ring {

// Names a transition by its arrival slot.
struct SlotIndex {
  std::uint64_t lane = 0;
  std::uint64_t slot = 0;  // of arrival
};

// The record of the transition in a slot.
// Throws std::out_of_range where there is none (any more).
Record transition_record(const Lane& lane, const SlotIndex& slot_index);

// The newest stack of `number` lanes from `first` on: (number, stack, frame_bytes).
// Throws std::logic_error where a lane has no frame yet.
void gather_newest(const Ring& ring, std::uint64_t first, std::uint64_t number, std::uint8_t* out);

// The same of any lanes, in the order given.
void gather_newest(const Ring& ring, std::span<const std::uint64_t> lanes, std::uint8_t* out);

// Transitions as shared blocks: (transitions, stack + 1, frame_bytes); obs is frames 0 … stack − 1,
// and next_obs is frames 1 … stack. Throws std::out_of_range for a slot that is no transition of
// the ring (any more), and std::invalid_argument for one whose next_obs is not its obs shifted by
// one frame.
void gather_blocks(const Ring& ring, std::span<const SlotIndex> slot_indices, std::uint8_t* out);

// Transitions as two stacks each: (transitions, stack, frame_bytes). Throws std::out_of_range as
// above.
void gather_stacks(const Ring& ring, std::span<const SlotIndex> slot_indices, std::uint8_t* obs,
                   std::uint8_t* next_obs);

}  // namespace framering::ring
