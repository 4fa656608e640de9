#include "ring/batch.hpp"

#include <algorithm>
#include <vector>

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

// The frames that a row copies, in the order of its output: those of its block, or of its two
// stacks.
void frames_of(const Lane& lane, const Transition& row, bool shared,
               std::vector<const std::uint64_t*>& frames) {
  frames.clear();
  for (std::uint64_t back = lane.stack(); back-- > 0;) {
    frames.push_back(lane.frame(row.obs_end - std::min<std::uint64_t>(back, row.obs_age)));
  }
  for (std::uint64_t back = shared ? 1 : lane.stack(); back-- > 0;) {
    frames.push_back(lane.frame(row.next_end - std::min<std::uint64_t>(back, row.next_age)));
  }
}

// Copies rows one after another, each while the next one's frames are expected.
class RowCopier {
 public:
  RowCopier(const Ring& ring, const BatchOutput& output) : ring_(ring), output_(output) {}

  // Returns false where the writer has overwritten a part of the row.
  bool copy(const Transition& row, std::size_t index, const Transition& following) {
    const Lane lane = ring_.lane(row.slot_index.lane);
    const bool shared = output_.next_obs == nullptr;
    frames_of(lane, row, shared, frames_);
    const std::size_t frame_bytes = lane.frame_bytes();
    frames_of(ring_.lane(following.slot_index.lane), following, shared, ahead_);
    for (const std::uint64_t* frame : ahead_) {
      warm_tlb(frame, frame_bytes);
    }
    const std::size_t in_obs = shared ? frames_.size() : lane.stack();
    std::uint8_t* out = output_.obs + index * in_obs * frame_bytes;
    for (std::size_t i = 0; i < frames_.size(); ++i) {
      if (i == in_obs) {
        out = output_.next_obs + index * in_obs * frame_bytes;
      }
      load_payload(out, frames_[i], frame_bytes);
      out += frame_bytes;
    }
    lane.load_action(row.slot_index.slot, output_.actions + index * ring_.geometry().action_bytes);
    return lane.validate(lane.stack_begin(row.obs_end, row.obs_age));
  }

 private:
  const Ring& ring_;
  const BatchOutput& output_;
  std::vector<const std::uint64_t*> frames_;
  std::vector<const std::uint64_t*> ahead_;
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
