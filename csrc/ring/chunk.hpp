// A chunk: some consecutive slots of a lane as bytes, to be appended to a lane of another ring, in
// this or another process.
//
//   header | records | frames | checksum of all before
//
// Records are without their frames' locations. Encoded frames are as in the ring, one behind the
// other, but for the first one, which needs no other. In front of the chunk's slots lies context:
// the slots that their observations read. So every transition of a chunk has its whole
// observations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include "ring/chunk_format.hpp"
#include "ring/encoding.hpp"
#include "ring/layout.hpp"

namespace framering::ring {

// Thrown for bytes that are no chunk, are damaged, or do not fit the ring or the lane.
class BadChunk : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

// A copy of a chunk's bytes of which everything is checked: what they contain can be written.
class Chunk {
 public:
  // Throws BadChunk.
  Chunk(std::span<const std::uint8_t> bytes, const Layout& layout);

  // Slots are counted from 0, the context first.
  [[nodiscard]] std::uint64_t context() const { return header_.context; }
  [[nodiscard]] std::uint64_t size() const { return header_.context + header_.slots; }
  [[nodiscard]] Record record(std::uint64_t index) const { return unpack(record_words(index)); }
  [[nodiscard]] const std::uint8_t* action(std::uint64_t index) const {
    return reinterpret_cast<const std::uint8_t*>(record_words(index) + kRecordFieldWords);
  }

 private:
  friend class ChunkFrames;

  void require_format() const;
  void require_checksum() const;
  void require_geometry() const;
  void require_bounds() const;
  void require_records() const;
  void require_record(std::uint64_t index) const;
  void require_frames() const;
  [[nodiscard]] const std::uint64_t* record_words(std::uint64_t index) const {
    return words_.data() + kChunkHeaderWords + index * record_words_;
  }
  [[nodiscard]] std::span<const std::uint64_t> frame_words() const;

  Geometry geometry_;
  std::size_t record_words_;
  std::size_t raw_words_;             // of a frame that is not encoded
  std::vector<std::uint64_t> words_;  // with room to read beyond them
  std::size_t number_ = 0;            // of words, without that
  ChunkHeader header_;
};

// The frames of a chunk, one after the other.
class ChunkFrames {
 public:
  explicit ChunkFrames(const Chunk& chunk);

  // The next frame, until the call after this; null where there is none.
  const std::uint8_t* next();

  [[nodiscard]] bool at_end() const { return rest_.empty(); }

 private:
  std::span<const std::uint64_t> rest_;
  std::size_t raw_words_;
  std::optional<FrameDecoder> decoder_;  // of encoded frames
  bool first_ = true;
};

}  // namespace framering::ring
