#include "ring/encoding.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "ring/encoding_kernels.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kGroupBytes = kGroupWords * kWord;

std::uint64_t make_header(FrameKind kind, std::size_t size) {
  return static_cast<std::uint64_t>(kind) | (static_cast<std::uint64_t>(size) << 2U);
}

// Where a group's bit is: in which word of the head, and which bit of it.
struct GroupBit {
  std::size_t word;
  std::size_t bit;
};

GroupBit group_bit(std::size_t group) {
  if (group < kHeaderGroups) {
    return {.word = 0, .bit = group + 32};
  }
  return {.word = 1 + (group - kHeaderGroups) / 64, .bit = (group - kHeaderGroups) % 64};
}

bool has_group(const std::uint64_t* head, std::size_t group) {
  const GroupBit at = group_bit(group);
  return (head[at.word] >> at.bit & 1U) != 0;
}

// The bytes of a row in whole words, and of what kernels may write beyond it.
std::size_t padded_row_bytes(const FrameShape& shape) {
  return shape.row_words() * kWord + kKernelRoom;
}

}  // namespace

PaddedFrame::PaddedFrame(const FrameShape& shape)
    : bytes_(shape.bytes), memory_(shape.words().groups() * kGroupBytes + kKernelRoom) {}

void PaddedFrame::assign(const std::uint8_t* bytes) { std::memcpy(data(), bytes, bytes_); }

std::size_t encoded_size(std::uint64_t header) { return (header & 0xffffffffU) >> 2U; }

FrameKind encoded_kind(std::uint64_t header) { return static_cast<FrameKind>(header & 3U); }

FrameEncoder::Part::Part(const WordSequence& named)
    : sequence(named),
      masks(named.groups()),
      head(1 + named.further_masks() + named.groups()),
      words(named.groups() * kGroupWords + kKernelRoom / kWord) {}

FrameEncoder::FrameEncoder(const FrameShape& shape)
    : shape_(shape),
      delta_(shape.words()),
      alone_(shape.words_by_row()),
      rows_(aligned_row_bytes() + shape.words_by_row().groups() * kGroupBytes + kKernelRoom) {}

std::size_t FrameEncoder::aligned_row_bytes() const { return shape_.row_words() * kWord; }

// Finds the words that differ: the masks, and the size with the words. So it is known which encoded
// frame is the smallest before words are packed.
void FrameEncoder::find(const std::uint8_t* frame, const std::uint8_t* predicted, Part& part) {
  const EncodingKernels& kernels = encoding_kernels();
  const std::size_t groups = part.sequence.groups();
  kernels.differing(frame, predicted, groups, part.masks.data());
  part.masks.back() &= part.sequence.all(groups - 1);
  std::uint64_t* const head = part.head.data();
  std::uint64_t* const masks = head + 1 + part.sequence.further_masks();
  std::fill(head, masks, 0);
  // Without a branch: which groups are named is hard to predict.
  std::size_t named = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    const GroupBit at = group_bit(group);
    const std::uint64_t any = part.masks[group] != 0 ? 1 : 0;
    head[at.word] |= any << at.bit;
    masks[named] = part.masks[group];
    named += any;
  }
  part.head_size = static_cast<std::size_t>(masks - head) + named;
  part.size = part.head_size + kernels.count_bits(masks, named);
}

EncodedFrame FrameEncoder::encode(FrameKind kind, const std::uint8_t* frame, Part& part) {
  std::uint64_t* const head = part.head.data();
  const std::size_t further = part.sequence.further_masks();
  head[0] |= make_header(kind, part.size);
  encoding_kernels().pack(
      {.group_masks = head, .further_masks = further, .word_masks = head + 1 + further}, frame,
      part.words.data());
  return {.kind = kind,
          .head = {head, part.head_size},
          .words = {part.words.data(), part.size - part.head_size}};
}

void FrameEncoder::find_key(const PaddedFrame& frame) {
  std::uint8_t* const rows = rows_.data() + aligned_row_bytes();
  encoding_kernels().align_rows(frame.data(), shape_.rows(), shape_.row_bytes, rows);
  find(rows, rows_.data(), alone_);
}

EncodedFrame FrameEncoder::encode_alone(const PaddedFrame& frame) {
  find_key(frame);
  return encode_alone_as_found(frame);
}

EncodedFrame FrameEncoder::encode_alone_as_found(const PaddedFrame& frame) {
  if (alone_.size < shape_.most_encoded_words()) {
    return encode(FrameKind::kKey, rows_.data() + aligned_row_bytes(), alone_);
  }
  const std::size_t words = shape_.words().words;
  alone_.head[0] = make_header(FrameKind::kRaw, 1 + words);
  std::memcpy(alone_.words.data(), frame.data(), words * kWord);
  return {.kind = FrameKind::kRaw,
          .head = {alone_.head.data(), 1},
          .words = {alone_.words.data(), words}};
}

EncodedFrame FrameEncoder::encode_after(const PaddedFrame& before, const PaddedFrame& frame) {
  find(frame.data(), before.data(), delta_);
  // Only where much has changed, a frame may be smaller alone.
  if (delta_.size * 8 >= shape_.words().words) {
    find_key(frame);
    if (std::min(alone_.size, shape_.most_encoded_words()) <= delta_.size) {
      return encode_alone_as_found(frame);
    }
  }
  return encode(FrameKind::kDelta, frame.data(), delta_);
}

FrameDecoder::FrameDecoder(const FrameShape& shape)
    : shape_(shape),
      frame_(shape),
      masks_(shape.words_by_row().groups() + 1),
      row_(padded_row_bytes(shape)) {}

std::size_t FrameDecoder::decode(std::span<const std::uint64_t> words) {
  if (words.empty()) {
    return 0;
  }
  const std::uint64_t* const head = words.data();
  const FrameKind kind = encoded_kind(head[0]);
  const std::size_t size = encoded_size(head[0]);
  if (kind == FrameKind::kNone || size > words.size() || size > shape_.most_encoded_words()) {
    return 0;
  }
  if (kind == FrameKind::kRaw) {
    if (size != shape_.most_encoded_words()) {
      return 0;
    }
    std::memcpy(frame_.data(), head + 1, shape_.words().words * kWord);
    return size;
  }

  // The masks are checked before a word is written.
  const EncodingKernels& kernels = encoding_kernels();
  const WordSequence sequence = kind == FrameKind::kDelta ? shape_.words() : shape_.words_by_row();
  const std::size_t further = sequence.further_masks();
  if (size < 1 + further) {
    return 0;
  }
  const std::uint64_t in_header = head[0] >> 32U;
  const std::size_t named_groups =
      kernels.count_bits(&in_header, 1) + kernels.count_bits(head + 1, further);
  if (named_groups > size - 1 - further) {
    return 0;
  }
  const NamedWords named{
      .group_masks = head, .further_masks = further, .word_masks = head + 1 + further};
  const std::uint64_t* const packed = named.word_masks + named_groups;
  if (kernels.count_bits(named.word_masks, named_groups) != size - 1 - further - named_groups) {
    return 0;
  }
  // Bits beyond the last group, or beyond the last word of it, would be no words of the frame.
  const std::size_t last = sequence.groups() - 1;
  const GroupBit at = group_bit(last);
  if (at.bit < 63 && head[at.word] >> (at.bit + 1) != 0) {
    return 0;
  }
  if (has_group(head, last) && (packed[-1] & ~sequence.all(last)) != 0) {
    return 0;
  }

  if (kind == FrameKind::kDelta) {
    kernels.unpack(named, packed, frame_.data());
  } else {
    const std::uint64_t* mask = named.word_masks;
    for (std::size_t group = 0; group < sequence.groups(); ++group) {
      masks_[group] = has_group(head, group) ? *mask++ : 0;
    }
    std::ranges::fill(row_, 0);
    kernels.decode_key(masks_.data(), packed, shape_.rows(), shape_.row_bytes, row_.data(),
                       frame_.data());
  }
  return size;
}

}  // namespace framering::ring
