#include "ring/gather.hpp"

#include <stdexcept>
#include <string>

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

std::string name(const Place& place) {
  return "slot " + std::to_string(place.slot) + " of lane " + std::to_string(place.lane);
}

[[noreturn]] void overwritten(const Place& place) {
  throw std::out_of_range(name(place) + " has been overwritten");
}

}  // namespace

Record transition_record(const Lane& lane, const Place& place) {
  if (place.slot >= lane.published()) {
    throw std::out_of_range(name(place) + " is not written yet");
  }
  const auto record = lane.read_record(place.slot);
  if (!record) {
    overwritten(place);
  }
  if (!record->transition) {
    throw std::out_of_range(name(place) + " is no transition: it only gives context");
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
      whole = lane.still_whole(newest < reach ? 0 : newest - reach);
    }
    out += lane.stack() * lane.frame_bytes();
  }
}

void gather_blocks(const Ring& ring, std::span<const Place> places, std::uint8_t* out) {
  for (const Place& place : places) {
    const Lane lane = ring.lane(place.lane);
    const Record record = transition_record(lane, place);
    if (!record.shifted()) {
      throw std::invalid_argument(name(place) +
                                  " does not shift its obs by one frame: gather two stacks");
    }
    lane.load_stack(place.slot - 1, record.obs_age, out);
    out += lane.stack() * lane.frame_bytes();
    load_payload(out, lane.frame(place.slot), lane.frame_bytes());
    out += lane.frame_bytes();
    if (!lane.still_whole(lane.stack_begin(place.slot - 1, record.obs_age))) {
      overwritten(place);
    }
  }
}

void gather_stacks(const Ring& ring, std::span<const Place> places, std::uint8_t* obs,
                   std::uint8_t* next_obs) {
  for (const Place& place : places) {
    const Lane lane = ring.lane(place.lane);
    const Record record = transition_record(lane, place);
    const std::uint64_t obs_end = place.slot - record.distance;
    lane.load_stack(obs_end, record.obs_age, obs);
    lane.load_stack(place.slot, record.age, next_obs);
    obs += lane.stack() * lane.frame_bytes();
    next_obs += lane.stack() * lane.frame_bytes();
    if (!lane.still_whole(lane.stack_begin(obs_end, record.obs_age))) {
      overwritten(place);
    }
  }
}

}  // namespace framering::ring
