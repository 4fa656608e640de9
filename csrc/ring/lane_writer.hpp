// Writing frames and transitions into a lane.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ring/chunk.hpp"
#include "ring/frame_writer.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

// The result of a step, without its frame. The action has the ring's action_bytes.
struct Step {
  const std::uint8_t* action = nullptr;
  float reward = 0;
  bool terminated = false;
  bool truncated = false;
};

// The one writer of a lane; two of them at once would break the protocol. It starts behind what is
// published, with a new segment, whatever a predecessor left half written.
//
// Writing throws OutOfMemory where shared memory has no room for a frame. Nothing is written then,
// and the writer may try again.
class LaneWriter {
 public:
  LaneWriter(std::shared_ptr<const Ring> ring, std::size_t lane);

  // Each returns the slot that it wrote last.

  // The first frame of a segment (a reset); no transition.
  std::uint64_t begin_segment(const std::uint8_t* frame);

  // Continues the newest segment as if this were its writer: for a ring that was saved and loaded,
  // where no write was left unfinished. Throws std::logic_error in an empty lane.
  void resume_segment();

  // The transition from the segment's newest stack to that stack shifted by one frame.
  // Throws std::logic_error before the first begin_segment.
  std::uint64_t append(const std::uint8_t* frame, const Step& step);

  // The transition between any two stacks (stack × frame_bytes each, oldest frame first), whatever
  // was written before. Writes as few frames as the bytes allow: one where obs is the newest stack
  // and next_obs is obs shifted by one frame.
  std::uint64_t add(const std::uint8_t* obs, const std::uint8_t* next_obs, const Step& step);

  // Appends a chunk's slots, and returns the number of transitions that it has added. Where the
  // chunk continues the lane, its first slot follows the newest one; its context is compared with
  // the newest slots and not written again. Throws BadChunk where it differs from them, and nothing
  // is written then. Where the chunk does not continue the lane, its context is written as slots
  // that are no transitions, in a new segment.
  std::uint64_t write_chunk(const Chunk& chunk, bool continues);

 private:
  struct Continuity {
    bool continues = false;  // obs is the newest stack
    bool shifted = false;    // next_obs is obs shifted by one frame
  };

  std::uint64_t write(const Record& record, const std::uint8_t* frame, const std::uint8_t* action);
  [[nodiscard]] Continuity compare(const std::uint8_t* obs, const std::uint8_t* next_obs) const;
  [[nodiscard]] std::uint64_t leading_copies(const std::uint8_t* stack) const;
  void require_continued(const Chunk& chunk) const;
  [[nodiscard]] const std::uint8_t* newest_frame(std::uint64_t slot,
                                                 std::vector<std::uint8_t>& memory) const;
  void write_context(const std::uint8_t* frames, std::uint64_t number);

  std::shared_ptr<const Ring> ring_;
  Lane lane_;
  FrameWriter frames_;
  std::uint64_t next_;         // the slot to write
  std::uint64_t ordinal_ = 0;  // transitions so far
  std::uint32_t age_ = 0;      // of slot next_ − 1
  bool in_segment_ = false;    // slot next_ − 1 is this writer's
};

}  // namespace framering::ring
