// Writing the frames of a lane: what its writer does between the protocol's steps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "ring/encoding.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

// Keeps the lane's newest frames, encodes the next one, and finds room for it. By the lane's one
// writer; slots are written in order.
class FrameWriter {
 public:
  FrameWriter(std::shared_ptr<const Ring> ring, std::size_t lane);

  // The first slot of an empty lane, where that is not 0.
  void start_at(std::uint64_t slot) { oldest_ = slot; }

  // Loads the newest stack, of the given age, so that recent() has it. The next frame is no delta.
  void resume(std::uint64_t newest, std::uint64_t age);

  // One of the newest frames: as many as a stack has are kept.
  [[nodiscard]] const std::uint8_t* recent(std::uint64_t slot) const;

  // Prepares to write a slot. Changes nothing that others read, and throws OutOfMemory where there
  // is no memory for the frame.
  void prepare(std::uint64_t slot, const std::uint8_t* frame, bool begins_segment);

  // What prepare has found: the lowest slot that stays whole (W1), and what the record says.
  [[nodiscard]] std::uint64_t oldest() const { return oldest_; }
  [[nodiscard]] FrameLocation location() const { return {.end = end_, .span = span_}; }

  // Stores the frame (W3).
  void store(std::uint64_t slot) const;

  // Gives memory back that no slot needs any more (W5).
  void give_back();

 private:
  void encode(FrameEncoder& encoder, std::uint64_t slot, bool begins_segment);
  [[nodiscard]] bool fits(std::uint64_t words) const;
  [[nodiscard]] std::uint64_t begin_of(std::uint64_t slot) const;
  [[nodiscard]] PaddedFrame& padded(std::uint64_t slot) { return frames_[slot % frames_.size()]; }

  std::shared_ptr<const Ring> ring_;
  std::size_t index_;
  Lane lane_;
  std::vector<PaddedFrame> frames_;  // the newest ones, and the next
  std::optional<FrameEncoder> encoder_;
  EncodedFrame encoded_;  // the next one
  std::uint64_t oldest_;
  std::uint64_t oldest_begin_ = 0;  // at most where `oldest_` begins
  std::uint64_t end_ = 0;           // of the newest frame, or of the next once it is prepared
  std::uint64_t span_ = 0;
  std::uint64_t deltas_ = 0;     // since the last frame that is none
  std::uint64_t take_step_ = 0;  // words of memory in one request to the kernel
  std::uint64_t give_back_step_ = 0;
  std::uint64_t taken_ = 0;  // memory is taken up to here
};

}  // namespace framering::ring
