#include "ring/batch.hpp"

#include <algorithm>
#include <stdexcept>

#include "ring/frame_reader.hpp"

namespace framering::ring {

namespace {

// Copies rows one after another, each while the next one's frames come from memory.
class RowCopier {
 public:
  RowCopier(const Ring& ring, const BatchOutput& output)
      : ring_(ring), output_(output), reader_(ring.layout()) {}

  // Returns false where the writer has overwritten a part of the row.
  bool copy(const Transition& row, std::size_t index, const Transition& following) {
    prefetch(following);
    const Lane lane = ring_.lane(row.slot_index.lane);
    const bool decoded = copy_frames(lane, row, index);
    lane.load_action(row.slot_index.slot, output_.actions + index * ring_.geometry().action_bytes);
    if (!lane.validate(lane.stack_begin(row.obs_end, row.obs_age))) {
      return false;
    }
    if (!decoded) {
      throw std::logic_error("a frame of the ring is damaged: its memory was written by others");
    }
    return true;
  }

 private:
  bool copy_frames(const Lane& lane, const Transition& row, std::size_t index) {
    const std::size_t stack_bytes = lane.stack() * lane.frame_bytes();
    if (output_.next_obs == nullptr) {
      return reader_.load_block(lane, row.obs_end, row.obs_age,
                                output_.obs + index * (stack_bytes + lane.frame_bytes()));
    }
    return reader_.load_stack(lane, row.obs_end, row.obs_age, output_.obs + index * stack_bytes) &&
           reader_.load_stack(lane, row.next_end, row.next_age,
                              output_.next_obs + index * stack_bytes);
  }

  void prefetch(const Transition& row) const {
    const Lane lane = ring_.lane(row.slot_index.lane);
    const std::uint64_t first = lane.stack_begin(row.obs_end, row.obs_age);
    if (output_.next_obs == nullptr) {
      reader_.prefetch(lane, first, row.next_end);
    } else {
      reader_.prefetch(lane, first, row.obs_end);
      reader_.prefetch(lane,
                       std::max(row.obs_end + 1, lane.stack_begin(row.next_end, row.next_age)),
                       row.next_end);
    }
  }

  const Ring& ring_;
  const BatchOutput& output_;
  FrameReader reader_;
};

}  // namespace

bool gather_batch(const Ring& ring, std::span<Transition> rows, const BatchOutput& output,
                  const std::function<Transition(std::size_t)>& draw_again) {
  RowCopier copier(ring, output);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    Transition& row = rows[index];
    while (!copier.copy(row, index, rows[std::min(index + 1, rows.size() - 1)])) {
      row = draw_again(index);
      if (output.next_obs == nullptr && !row.shifted) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace framering::ring
