// Where everything lies in a ring's memory block.
//
// The block is position-free: it holds offsets and counts, never a pointer, so that every process
// may map it where it likes.
//
//   header | lane 0: counters, records | lane 1 … | lane 0: frames | lane 1 …
//
// A lane's frames are either raw, each in a place of its own, or encoded (see encoding.hpp) one
// behind the other in an arena. A word of an arena has a position, which only grows: position p
// lies at p % arena_words. No encoded frame lies across the arena's end.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

inline constexpr std::size_t kPage = 4096;  // lanes start on pages: no two writers share one

inline std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

// What a ring is made for. All lanes are alike.
struct Geometry {
  std::uint64_t lanes = 0;
  std::uint64_t slots = 0;         // frames a lane holds at most
  std::uint64_t frame_bytes = 0;   // of one frame
  std::uint64_t stack = 0;         // frames in an observation
  std::uint64_t action_bytes = 0;  // of one action
  std::uint64_t row_bytes = 0;     // of one row of a frame that is an image; 0 keeps frames raw
  std::uint64_t memory_limit = 0;  // bytes of all lanes' records and frames; 0 is no limit

  [[nodiscard]] bool encoded() const { return row_bytes != 0; }
  bool operator==(const Geometry&) const = default;
};

// Where a slot's encoded frame ends, and how many words before that the key or raw frame begins
// from which it is decoded.
struct FrameLocation {
  std::uint64_t end = 0;
  std::uint64_t span = 0;

  [[nodiscard]] std::uint64_t begin() const { return end - span; }
};

// The arrival record of a slot: the step that led to its frame.
struct Record {
  std::uint64_t ordinal = 0;   // transitions the lane has had, up to and with this slot
  std::uint32_t age = 0;       // frames since the segment's first, at most kMostAge
  std::uint32_t obs_age = 0;   // age of the slot in which the transition's obs ends
  float reward = 0;            //
  std::uint16_t distance = 0;  // obs ends this many slots before; 1 but where obs was not shifted
  bool transition = false;
  bool terminated = false;
  bool truncated = false;

  // next_obs is obs shifted by one frame, so that both fit in stack + 1 frames.
  [[nodiscard]] bool shifted() const;
};

// Only ages below a stack's number of frames matter: from here on they are not counted.
inline constexpr std::uint32_t kMostAge = 0xffff;

inline bool Record::shifted() const {
  return distance == 1 && (age == obs_age + 1 || (age == kMostAge && obs_age == kMostAge));
}

// Words of a record before its location, if its frame is encoded, and the action: the packed fields
// above.
inline constexpr std::size_t kRecordFieldWords = 2;

void pack(const Record& record, std::uint64_t* words);
Record unpack(const std::uint64_t* words);

std::uint64_t pack(const FrameLocation& location);
FrameLocation unpack_location(std::uint64_t word);

// A frame at whose end the span would be longer is no delta.
inline constexpr std::uint64_t kMostSpan = 0xffff;

// Every so many slots at least, a frame is no delta.
inline constexpr std::uint64_t kKeyInterval = 16;

// One writer's progress; the counts that readers load lie on cache lines of their own, so that
// readers polling `published` do not slow a writer down. See protocol.hpp.
struct Counters {
  alignas(64) std::uint64_t oldest;
  alignas(64) std::uint64_t published;
  alignas(64) std::uint64_t
      given_back;  // the writer's own: pages before this position of its arena
};

struct Header {
  std::uint64_t magic;
  std::uint64_t version;
  Geometry geometry;
  std::uint64_t bytes;  // of the whole block
};

inline constexpr std::uint64_t kMagic = 0x676e6972656d6172;  // "ramering" in memory
inline constexpr std::uint64_t kLayoutVersion = 2;

// The geometry's derived sizes, in bytes and words of 8 bytes.
class Layout {
 public:
  // Throws std::invalid_argument for a geometry that no ring can have.
  explicit Layout(const Geometry& geometry);

  [[nodiscard]] const Geometry& geometry() const { return geometry_; }
  [[nodiscard]] std::size_t record_words() const {
    return location_word() + encoded_ + action_words_;
  }
  [[nodiscard]] static std::size_t location_word() { return kRecordFieldWords; }
  [[nodiscard]] std::size_t action_word() const { return kRecordFieldWords + encoded_; }
  [[nodiscard]] std::size_t action_words() const { return action_words_; }
  [[nodiscard]] std::size_t frame_words() const { return frame_words_; }
  // Words for the frames of a lane.
  [[nodiscard]] std::size_t arena_words() const { return arena_words_; }
  [[nodiscard]] std::size_t lane_offset(std::size_t lane) const;
  [[nodiscard]] std::size_t frames_offset(std::size_t lane) const;
  // What lies before the frames of lane 0.
  [[nodiscard]] std::size_t records_end() const { return frames_offset(0); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  void size_arena();

  Geometry geometry_;
  std::size_t encoded_ = 0;  // 1 or 0
  std::size_t action_words_ = 0;
  std::size_t frame_words_ = 0;
  std::size_t arena_words_ = 0;
  std::size_t lane_bytes_ = 0;
  std::size_t arena_bytes_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace framering::ring
