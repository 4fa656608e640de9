#include "ring/batch.hpp"

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

// False where the writer has overtaken the row.
bool copy_row(const Lane& lane, const Transition& row, std::size_t index,
              std::uint64_t action_bytes, const BatchOutput& output) {
  const std::size_t stack_bytes = lane.stack() * lane.frame_bytes();
  if (output.next_obs == nullptr) {
    std::uint8_t* block = output.obs + index * (stack_bytes + lane.frame_bytes());
    lane.load_stack(row.obs_end, row.obs_age, block);
    load_payload(block + stack_bytes, lane.frame(row.next_end), lane.frame_bytes());
  } else {
    lane.load_stack(row.obs_end, row.obs_age, output.obs + index * stack_bytes);
    lane.load_stack(row.next_end, row.next_age, output.next_obs + index * stack_bytes);
  }
  lane.load_action(row.place.slot, output.actions + index * action_bytes);
  return lane.still_whole(lane.stack_begin(row.obs_end, row.obs_age));
}

}  // namespace

bool gather_batch(const Ring& ring, std::span<Transition> rows, const BatchOutput& output,
                  const std::function<Transition(std::size_t)>& draw_again) {
  for (std::size_t index = 0; index < rows.size(); ++index) {
    Transition& row = rows[index];
    while (!copy_row(ring.lane(row.place.lane), row, index, ring.geometry().action_bytes, output)) {
      row = draw_again(index);
      if (output.next_obs == nullptr && !row.shifted) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace framering::ring
