#include "ring/gather.hpp"

#include <stdexcept>
#include <string>

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

std::string name(const SlotIndex& slot_index) {
  return "slot " + std::to_string(slot_index.slot) + " of lane " + std::to_string(slot_index.lane);
}

[[noreturn]] void overwritten(const SlotIndex& slot_index) {
  throw std::out_of_range(name(slot_index) + " has been overwritten");
}

}  // namespace

Record transition_record(const Lane& lane, const SlotIndex& slot_index) {
  if (slot_index.slot >= lane.published()) {
    throw std::out_of_range(name(slot_index) + " is not written yet");
  }
  const auto record = lane.read_record(slot_index.slot);
  if (!record) {
    overwritten(slot_index);
  }
  if (!record->transition) {
    throw std::out_of_range(name(slot_index) + " is no transition: it only gives context");
  }
  return *record;
}

void gather_newest(const Ring& ring, std::uint64_t first, std::uint64_t number, std::uint8_t* out) {
  for (std::uint64_t index = first; index < first + number; ++index) {
    const Lane lane = ring.lane(index);
    for (bool whole = false; !whole;) {
      const std::uint64_t published = lane.published();
      if (published == 0) {
        throw std::logic_error("lane " + std::to_string(index) + " has no frame yet");
      }
      const std::uint64_t newest = published - 1;
      const std::uint64_t age = lane.load_record(newest).age;
      lane.load_stack(newest, age, out);
      // Not from the loaded age: a torn record must not decide how far back it is checked.
      const std::uint64_t reach = lane.stack() - 1;
      whole = lane.validate(newest < reach ? 0 : newest - reach);
    }
    out += lane.stack() * lane.frame_bytes();
  }
}

void gather_blocks(const Ring& ring, std::span<const SlotIndex> slot_indices, std::uint8_t* out) {
  for (const SlotIndex& slot_index : slot_indices) {
    const Lane lane = ring.lane(slot_index.lane);
    const Record record = transition_record(lane, slot_index);
    if (!record.shifted()) {
      throw std::invalid_argument(name(slot_index) +
                                  " does not shift its obs by one frame: gather two stacks");
    }
    lane.load_stack(slot_index.slot - 1, record.obs_age, out);
    out += lane.stack() * lane.frame_bytes();
    load_payload(out, lane.frame(slot_index.slot), lane.frame_bytes());
    out += lane.frame_bytes();
    if (!lane.validate(lane.stack_begin(slot_index.slot - 1, record.obs_age))) {
      overwritten(slot_index);
    }
  }
}

void gather_stacks(const Ring& ring, std::span<const SlotIndex> slot_indices, std::uint8_t* obs,
                   std::uint8_t* next_obs) {
  for (const SlotIndex& slot_index : slot_indices) {
    const Lane lane = ring.lane(slot_index.lane);
    const Record record = transition_record(lane, slot_index);
    const std::uint64_t obs_end = slot_index.slot - record.distance;
    lane.load_stack(obs_end, record.obs_age, obs);
    lane.load_stack(slot_index.slot, record.age, next_obs);
    obs += lane.stack() * lane.frame_bytes();
    next_obs += lane.stack() * lane.frame_bytes();
    if (!lane.validate(lane.stack_begin(obs_end, record.obs_age))) {
      overwritten(slot_index);
    }
  }
}

}  // namespace framering::ring
