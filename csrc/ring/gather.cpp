#include "ring/gather.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "ring/frame_reader.hpp"

namespace framering::ring {

namespace {

std::string name(const SlotIndex& slot_index) {
  return "slot " + std::to_string(slot_index.slot) + " of lane " + std::to_string(slot_index.lane);
}

[[noreturn]] void overwritten(const SlotIndex& slot_index) {
  throw std::out_of_range(name(slot_index) + " has been overwritten");
}

[[noreturn]] void damaged(const SlotIndex& slot_index) {
  throw std::logic_error(name(slot_index) + " is damaged: its memory was written by others");
}

void require_whole(const Lane& lane, const SlotIndex& slot_index, std::uint64_t lowest,
                   bool decoded) {
  if (!lane.validate(lowest)) {
    overwritten(slot_index);
  }
  if (!decoded) {
    damaged(slot_index);
  }
}

void load_newest(const Ring& ring, FrameReader& reader, std::uint64_t index, std::uint8_t* out) {
  const Lane lane = ring.lane(index);
  for (bool whole = false; !whole;) {
    const std::uint64_t published = lane.published();
    if (published == 0) {
      throw std::logic_error("lane " + std::to_string(index) + " has no frame yet");
    }
    const std::uint64_t newest = published - 1;
    const std::uint64_t age = lane.load_record(newest).age;
    const bool decoded = age <= newest && reader.load_stack(lane, newest, age, out);
    whole = lane.validate(lane.stack_begin(newest, std::min(age, newest)));
    if (whole && !decoded) {
      damaged({index, newest});
    }
  }
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
  FrameReader reader(ring.layout());
  for (std::uint64_t index = first; index < first + number; ++index) {
    load_newest(ring, reader, index, out);
    out += ring.geometry().stack * ring.geometry().frame_bytes;
  }
}

void gather_newest(const Ring& ring, std::span<const std::uint64_t> lanes, std::uint8_t* out) {
  FrameReader reader(ring.layout());
  for (const std::uint64_t index : lanes) {
    load_newest(ring, reader, index, out);
    out += ring.geometry().stack * ring.geometry().frame_bytes;
  }
}

void gather_blocks(const Ring& ring, std::span<const SlotIndex> slot_indices, std::uint8_t* out) {
  FrameReader reader(ring.layout());
  for (const SlotIndex& slot_index : slot_indices) {
    const Lane lane = ring.lane(slot_index.lane);
    const Record record = transition_record(lane, slot_index);
    if (!record.shifted()) {
      throw std::invalid_argument(name(slot_index) +
                                  " does not shift its obs by one frame: gather two stacks");
    }
    const bool decoded = reader.load_block(lane, slot_index.slot - 1, record.obs_age, out);
    out += (lane.stack() + 1) * lane.frame_bytes();
    require_whole(lane, slot_index, lane.stack_begin(slot_index.slot - 1, record.obs_age), decoded);
  }
}

void gather_stacks(const Ring& ring, std::span<const SlotIndex> slot_indices, std::uint8_t* obs,
                   std::uint8_t* next_obs) {
  FrameReader reader(ring.layout());
  for (const SlotIndex& slot_index : slot_indices) {
    const Lane lane = ring.lane(slot_index.lane);
    const Record record = transition_record(lane, slot_index);
    const std::uint64_t obs_end = slot_index.slot - record.distance;
    const bool decoded = reader.load_stack(lane, obs_end, record.obs_age, obs) &&
                         reader.load_stack(lane, slot_index.slot, record.age, next_obs);
    obs += lane.stack() * lane.frame_bytes();
    next_obs += lane.stack() * lane.frame_bytes();
    require_whole(lane, slot_index, lane.stack_begin(obs_end, record.obs_age), decoded);
  }
}

}  // namespace framering::ring
