// Where everything lies in a ring's memory block.
//
// The block is position-free: it holds offsets and counts, never a pointer, so that every process
// may map it where it likes.
//
//   header | lane 0 | lane 1 | …        each lane: counters | records | frames
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

// What a ring is made for. All lanes are alike.
struct Geometry {
  std::uint64_t lanes = 0;
  std::uint64_t slots = 0;         // frames a lane holds
  std::uint64_t frame_bytes = 0;   // of one frame
  std::uint64_t stack = 0;         // frames in an observation
  std::uint64_t action_bytes = 0;  // of one action

  bool operator==(const Geometry&) const = default;
};

// The arrival record of a slot: the step that led to its frame.
struct Record {
  std::uint64_t ordinal = 0;   // transitions the lane has had, up to and with this slot
  std::uint32_t age = 0;       // frames since the segment's first
  std::uint32_t obs_age = 0;   // age of the slot in which the transition's obs ends
  float reward = 0;            //
  std::uint16_t distance = 0;  // obs ends this many slots before; 1 but where obs was not shifted
  bool transition = false;
  bool terminated = false;
  bool truncated = false;

  // next_obs is obs shifted by one frame, so that both fit in stack + 1 frames.
  [[nodiscard]] bool shifted() const { return distance == 1 && age == obs_age + 1; }
};

// Words of a record before the action's: the packed fields above.
inline constexpr std::size_t kRecordFieldWords = 3;

void pack(const Record& record, std::uint64_t* words);
Record unpack(const std::uint64_t* words);

// One writer's progress; the two counts lie on cache lines of their own, so that readers polling
// `published` do not slow a writer's claims. See protocol.hpp.
struct Counters {
  alignas(64) std::uint64_t claimed;
  alignas(64) std::uint64_t published;
};

struct Header {
  std::uint64_t magic;
  std::uint64_t version;
  Geometry geometry;
  std::uint64_t bytes;  // of the whole block
};

inline constexpr std::uint64_t kMagic = 0x676e6972656d6172;  // "ramering" in memory
inline constexpr std::uint64_t kLayoutVersion = 1;

// The geometry's derived sizes, in bytes and words of 8 bytes.
class Layout {
 public:
  // Throws std::invalid_argument for a geometry that no ring can have.
  explicit Layout(const Geometry& geometry);

  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  [[nodiscard]] std::size_t record_words() const { return record_words_; }
  [[nodiscard]] std::size_t action_words() const { return record_words_ - kRecordFieldWords; }
  [[nodiscard]] std::size_t frame_words() const { return frame_words_; }
  [[nodiscard]] std::size_t lane_offset(std::size_t lane) const;
  [[nodiscard]] std::size_t records_offset() const { return sizeof(Counters); }
  [[nodiscard]] std::size_t frames_offset() const;
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  Geometry geometry_;
  std::size_t record_words_;
  std::size_t frame_words_;
  std::size_t lane_bytes_;
  std::size_t bytes_;
};

}  // namespace framering::ring
