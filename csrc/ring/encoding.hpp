// Frames stored as what changed.
//
// A frame is a sequence of 8-byte words. An encoded frame is one of
//
//   delta   the words that differ from the frame before
//   key     the words that differ from the row above (zeros above the first row); here each row has
//           words of its own, the last one filled up with zeros
//   raw     all words
//
// so that a key or raw frame is decoded alone, and a delta after the frame before it. Its words are
//
//   header | further group masks | word masks | words      (delta, key)
//   header | words                                         (raw)
//
//   header      bits 0–1 the kind, bits 2–31 the number of words with the header, bits 32–63 a mask
//               of the first 32 groups
//   group       64 consecutive words of the frame
//   group mask  which groups have words that are named; frames of more than 32 groups have further
//               ones, of 64 groups each
//   word mask   which words of such a group are named, one mask for each bit that is set above
//
// Zeros are no encoded frame, so that memory that was given back decodes to nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framering::ring {

inline constexpr std::size_t kGroupWords = 64;
inline constexpr std::size_t kHeaderGroups = 32;

// The words of which an encoded frame names some, in groups.
struct WordSequence {
  std::size_t words = 0;

  [[nodiscard]] std::size_t groups() const { return (words + kGroupWords - 1) / kGroupWords; }
  // Group masks beyond the header's.
  [[nodiscard]] std::size_t further_masks() const {
    return groups() <= kHeaderGroups ? 0 : (groups() - kHeaderGroups + 63) / 64;
  }
  // A mask of the words of a group.
  [[nodiscard]] std::uint64_t all(std::size_t group) const {
    const std::size_t left = words - group * kGroupWords;
    return left >= kGroupWords ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
  }
};

// The frame's bytes must be a multiple of the row's.
struct FrameShape {
  std::size_t bytes = 0;
  std::size_t row_bytes = 0;

  [[nodiscard]] std::size_t rows() const { return bytes / row_bytes; }
  [[nodiscard]] std::size_t row_words() const { return (row_bytes + 7) / 8; }
  [[nodiscard]] WordSequence words() const { return {(bytes + 7) / 8}; }              // of a delta
  [[nodiscard]] WordSequence words_by_row() const { return {rows() * row_words()}; }  // of a key
  // No encoded frame is longer.
  [[nodiscard]] std::size_t most_encoded_words() const { return words().words + 1; }
};

// A decoded frame, with zeros up to the end of the last group and some room that decoding may
// write to.
class PaddedFrame {
 public:
  explicit PaddedFrame(const FrameShape& shape);

  void assign(const std::uint8_t* bytes);
  [[nodiscard]] const std::uint8_t* data() const { return memory_.data(); }
  [[nodiscard]] std::uint8_t* data() { return memory_.data(); }

 private:
  std::size_t bytes_;
  std::vector<std::uint8_t> memory_;
};

enum class FrameKind : std::uint8_t { kNone, kDelta, kKey, kRaw };

// Header and masks, then words.
struct EncodedFrame {
  FrameKind kind = FrameKind::kNone;
  std::span<const std::uint64_t> head;
  std::span<const std::uint64_t> words;

  [[nodiscard]] std::size_t size() const { return head.size() + words.size(); }
};

// What the header of an encoded frame says.
std::size_t encoded_size(std::uint64_t header);
FrameKind encoded_kind(std::uint64_t header);

class FrameEncoder {
 public:
  explicit FrameEncoder(const FrameShape& shape);

  // A key or raw frame, whichever is smaller. What is returned lasts until the next call.
  EncodedFrame encode_alone(const PaddedFrame& frame);

  // A delta, or what encode_alone returns where that is smaller.
  EncodedFrame encode_after(const PaddedFrame& before, const PaddedFrame& frame);

 private:
  // An encoded frame of a sequence of words, the head before the words.
  struct Part {
    explicit Part(const WordSequence& named);

    WordSequence sequence;
    std::vector<std::uint64_t> masks;  // one for each group
    std::vector<std::uint64_t> head;
    std::size_t head_size = 0;
    std::size_t size = 0;
    std::vector<std::uint64_t> words;
  };

  static void find(const std::uint8_t* frame, const std::uint8_t* predicted, Part& part);
  static EncodedFrame encode(FrameKind kind, const std::uint8_t* frame, Part& part);

  void find_key(const PaddedFrame& frame);
  EncodedFrame encode_alone_as_found(const PaddedFrame& frame);

  [[nodiscard]] std::size_t aligned_row_bytes() const;

  FrameShape shape_;
  Part delta_;
  Part alone_;
  std::vector<std::uint8_t> rows_;  // a row of zeros, then the frame's rows in whole words
};

// Decodes a sequence of encoded frames, one over the other.
class FrameDecoder {
 public:
  explicit FrameDecoder(const FrameShape& shape);

  // Decodes the encoded frame that `words` begin with, and returns how many of them it takes. Any
  // words are safe: where they begin with no encoded frame of this shape, 0 is returned, and the
  // decoded frame is as before. Up to kReadBeyond words after the given ones are read.
  std::size_t decode(std::span<const std::uint64_t> words);

  [[nodiscard]] const std::uint8_t* frame() const { return frame_.data(); }

 private:
  FrameShape shape_;
  PaddedFrame frame_;
  std::vector<std::uint64_t> masks_;  // of a key frame, one for each group
  std::vector<std::uint8_t> row_;     // the row above, while a key frame is decoded
};

inline constexpr std::size_t kReadBeyond = 8;

}  // namespace framering::ring
