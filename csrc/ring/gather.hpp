// Gathering stacks and transitions out of a ring.
#pragma once

#include <cstdint>
#include <span>

#include "ring/ring.hpp"

namespace framering::ring {

// A transition's place.
struct Place {
  std::uint64_t lane = 0;
  std::uint64_t slot = 0;  // of arrival
};

// The record of the transition in a place.
// Throws std::out_of_range where there is none (any more).
Record transition_record(const Lane& lane, const Place& place);

// The newest stack of `number` lanes from `first` on: (number, stack, frame_bytes).
// Throws std::logic_error where a lane has no frame yet.
void gather_newest(const Ring& ring, std::uint64_t first, std::uint64_t number, std::uint8_t* out);

// Transitions as shared blocks: (places, stack + 1, frame_bytes); obs is frames 0 … stack − 1, and
// next_obs is frames 1 … stack.
// Throws std::out_of_range for a place that is no transition of the ring (any more), and
// std::invalid_argument for one whose next_obs is not its obs shifted by one frame.
void gather_blocks(const Ring& ring, std::span<const Place> places, std::uint8_t* out);

// Transitions as two stacks each: (places, stack, frame_bytes). Throws std::out_of_range as above.
void gather_stacks(const Ring& ring, std::span<const Place> places, std::uint8_t* obs,
                   std::uint8_t* next_obs);

}  // namespace framering::ring
