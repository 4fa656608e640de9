#include "ring/lane_writer.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "ring/frame_reader.hpp"
#include "ring/payload.hpp"

namespace framering::ring {

namespace {

std::uint32_t next_age(std::uint32_t age) { return std::min(age + 1, kMostAge); }

}  // namespace

LaneWriter::LaneWriter(std::shared_ptr<const Ring> ring, std::size_t lane)
    : ring_(std::move(ring)),
      lane_(ring_->lane(lane)),
      frames_(ring_, lane),
      next_(lane_.published()) {
  if (next_ > 0) {
    ordinal_ = lane_.load_record(next_ - 1).ordinal;
  }
}

std::uint64_t LaneWriter::write(const Record& record, const std::uint8_t* frame,
                                const std::uint8_t* action) {
  frames_.prepare(next_, frame, record.age == 0);
  std::array<std::uint64_t, kRecordFieldWords> fields{};
  pack(record, fields.data());
  std::uint64_t* words = lane_.record(next_);
  const auto store = [&](std::size_t index, std::uint64_t value) {
    std::atomic_ref(words[index]).store(value, std::memory_order_relaxed);
  };

  begin_write(lane_.counters(), frames_.oldest());
  for (std::size_t i = 0; i < kRecordFieldWords; ++i) {
    store(i, fields[i]);
  }
  if (lane_.encoded()) {
    store(Layout::location_word(), pack(frames_.location()));
  }
  if (action != nullptr) {
    store_payload(lane_.action(next_), action, ring_->geometry().action_bytes);
  }
  frames_.store(next_);
  end_write(lane_.counters(), next_);

  age_ = record.age;
  ordinal_ = record.ordinal;
  in_segment_ = true;
  const std::uint64_t written = next_++;
  frames_.give_back();
  return written;
}

std::uint64_t LaneWriter::begin_segment(const std::uint8_t* frame) {
  return write({.ordinal = ordinal_}, frame, nullptr);
}

void LaneWriter::resume_segment() {
  if (next_ == 0) {
    throw std::logic_error("resume_segment goes on with a segment, but the lane is empty");
  }
  age_ = lane_.load_record(next_ - 1).age;
  frames_.resume(next_ - 1, age_);
  in_segment_ = true;
}

std::uint64_t LaneWriter::append(const std::uint8_t* frame, const Step& step) {
  if (!in_segment_) {
    throw std::logic_error("append continues a segment: call begin_segment first");
  }
  return write({.ordinal = ordinal_ + 1,
                .age = next_age(age_),
                .obs_age = age_,
                .reward = step.reward,
                .distance = 1,
                .transition = true,
                .terminated = step.terminated,
                .truncated = step.truncated},
               frame, step.action);
}

std::uint64_t LaneWriter::add(const std::uint8_t* obs, const std::uint8_t* next_obs,
                              const Step& step) {
  const std::uint64_t stack = lane_.stack();
  const std::size_t frame_bytes = lane_.frame_bytes();
  const Continuity found = compare(obs, next_obs);
  if (!found.continues) {
    const std::uint64_t skipped = leading_copies(obs);
    write_context(obs + skipped * frame_bytes, stack - skipped);
  }
  if (found.shifted) {
    return append(next_obs + (stack - 1) * frame_bytes, step);
  }

  const std::uint32_t obs_age = age_;
  const std::uint64_t skipped = leading_copies(next_obs);
  const std::uint64_t frames = stack - skipped;
  write_context(next_obs + skipped * frame_bytes, frames - 1);
  return write({.ordinal = ordinal_ + 1,
                .age = static_cast<std::uint32_t>(frames - 1),
                .obs_age = obs_age,
                .reward = step.reward,
                .distance = static_cast<std::uint16_t>(frames),
                .transition = true,
                .terminated = step.terminated,
                .truncated = step.truncated},
               next_obs + (stack - 1) * frame_bytes, step.action);
}

// Newest frame first: there a stack that does not continue is most likely to differ. A frame of obs
// is compared with both others while the nearest cache holds it. Meanwhile the place to be written,
// which was last touched a lap ago, comes from memory; in parts, so that no comparison waits for
// it.
LaneWriter::Continuity LaneWriter::compare(const std::uint8_t* obs,
                                           const std::uint8_t* next_obs) const {
  const std::size_t bytes = lane_.frame_bytes();
  const std::size_t part = bytes / lane_.stack();
  Continuity found{.continues = in_segment_, .shifted = true};
  for (std::uint64_t index = lane_.stack(); index-- > 0 && (found.continues || found.shifted);) {
    if (!lane_.encoded()) {
      prefetch_to_store(lane_.raw_frame(next_), index * part, part);
    }
    const std::uint8_t* frame = obs + index * bytes;
    const std::uint64_t back = lane_.stack() - 1 - index;
    const std::uint64_t slot = next_ - 1 - std::min<std::uint64_t>(back, age_);
    found.continues = found.continues && std::memcmp(frames_.recent(slot), frame, bytes) == 0;
    found.shifted = found.shifted &&
                    (index == 0 || std::memcmp(next_obs + (index - 1) * bytes, frame, bytes) == 0);
  }
  return found;
}

// How many frames at the start of a stack repeat their successor: what age restores unwritten.
std::uint64_t LaneWriter::leading_copies(const std::uint8_t* stack) const {
  const std::size_t frame_bytes = lane_.frame_bytes();
  std::uint64_t copies = 0;
  while (copies + 1 < lane_.stack() &&
         std::memcmp(stack + copies * frame_bytes, stack + (copies + 1) * frame_bytes,
                     frame_bytes) == 0) {
    ++copies;
  }
  return copies;
}

void LaneWriter::write_context(const std::uint8_t* frames, std::uint64_t number) {
  for (std::uint64_t i = 0; i < number; ++i) {
    write({.ordinal = ordinal_, .age = static_cast<std::uint32_t>(i)},
          frames + i * lane_.frame_bytes(), nullptr);
  }
}

std::uint64_t LaneWriter::write_chunk(const Chunk& chunk, bool continues) {
  if (continues && chunk.context() > 0) {
    require_continued(chunk);
  }
  const std::uint64_t before = ordinal_;
  ChunkFrames frames(chunk);
  for (std::uint64_t index = 0; index < chunk.size(); ++index) {
    const std::uint8_t* const frame = frames.next();
    const bool context = index < chunk.context();
    if (context && continues) {
      continue;
    }
    Record record = chunk.record(index);
    // A segment of which the lane has not the first slots begins with the first of the context.
    const bool begins = record.age == 0 || (index == 0 && !continues);
    record.age = begins ? 0 : next_age(age_);
    if (context || !record.transition) {
      write({.ordinal = ordinal_, .age = record.age}, frame, nullptr);
      continue;
    }
    record.ordinal = ordinal_ + 1;
    record.obs_age = lane_.load_record(next_ - record.distance).age;
    write(record, frame, chunk.action(index));
  }
  return ordinal_ - before;
}

// Ages may differ where both are so high that stacks are whole: where the lane has not the
// segment's first slots.
void LaneWriter::require_continued(const Chunk& chunk) const {
  const std::uint64_t context = chunk.context();
  if (!in_segment_) {
    throw BadChunk(
        "chunk: expected continues=False for one that begins inside a segment, as this writer has "
        "not written the slots before it, got True; call resume_segment where the lane was loaded");
  }
  const auto same = [&](std::uint32_t age, std::uint32_t other) {
    return std::min<std::uint64_t>(age, lane_.stack()) ==
           std::min<std::uint64_t>(other, lane_.stack());
  };
  bool continued = next_ - lane_.oldest() >= context && same(age_, chunk.record(context - 1).age);
  ChunkFrames frames(chunk);
  std::vector<std::uint8_t> memory;
  for (std::uint64_t index = 0; continued && index < context; ++index) {
    const std::uint8_t* const own = newest_frame(next_ - context + index, memory);
    continued = std::memcmp(frames.next(), own, lane_.frame_bytes()) == 0;
  }
  // The obs of its first transitions.
  for (std::uint64_t index = context; continued && index < chunk.size(); ++index) {
    const Record record = chunk.record(index);
    if (record.transition && index - record.distance < context) {
      const std::uint64_t obs = next_ - context + index - record.distance;
      continued = same(lane_.load_record(obs).age, record.obs_age);
    }
  }
  if (!continued) {
    throw BadChunk(
        "chunk: expected one that begins behind the lane's newest slot, got one whose context is "
        "another; pass continues=False where the chunks between them are missing");
  }
}

// One of the lane's frames, from recent memory or decoded to `memory`.
const std::uint8_t* LaneWriter::newest_frame(std::uint64_t slot,
                                             std::vector<std::uint8_t>& memory) const {
  if (slot >= lane_.stack_begin(next_ - 1, age_)) {
    return frames_.recent(slot);
  }
  memory.resize(lane_.stack() * lane_.frame_bytes());
  FrameReader(ring_->layout()).load_stack(lane_, slot, 0, memory.data());
  return memory.data();
}

}  // namespace framering::ring
