#include "ring/encoding_kernels.hpp"

#include <bit>
#include <cstring>

#include "ring/encoding_loops.hpp"
#include "system/cpu_features.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kGroupBytes = kGroupWords * kWord;

std::uint64_t load(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, kWord);
  return word;
}

void differing(const std::uint8_t* a, const std::uint8_t* b, std::size_t groups,
               std::uint64_t* masks) {
  for (std::size_t group = 0; group < groups; ++group) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < kGroupWords; ++i, a += kWord, b += kWord) {
      mask |= std::uint64_t{load(a) != load(b)} << i;
    }
    masks[group] = mask;
  }
}

void pack(const std::uint8_t* frame, const std::uint64_t* masks, std::size_t groups,
          std::uint64_t* words) {
  for (std::size_t group = 0; group < groups; ++group) {
    words = loops::copy_from_group(frame + group * kGroupBytes, masks[group], words);
  }
}

void align_rows(const std::uint8_t* frame, std::size_t rows, std::size_t row_bytes,
                std::uint8_t* aligned) {
  const std::size_t row_words = (row_bytes + kWord - 1) / kWord;
  for (std::size_t y = 0; y < rows; ++y, frame += row_bytes, aligned += row_words * kWord) {
    std::memcpy(aligned, frame, row_bytes);
  }
}

std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  return loops::count_bits(masks, number);
}

void decode_groups(std::uint64_t groups, CheckedFrame& delta, std::uint8_t* frame) {
  for (; groups != 0; groups &= groups - 1) {
    std::uint8_t* const group =
        frame + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupBytes;
    delta.words = loops::copy_to_group(*delta.word_masks++, delta.words, group);
  }
}

void decode_delta(const CheckedFrame& delta, std::size_t further_masks, std::uint8_t* frame) {
  CheckedFrame left = delta;
  decode_groups(delta.group_masks[0] >> 32U, left, frame);
  for (std::size_t i = 0; i < further_masks; ++i) {
    decode_groups(delta.group_masks[1 + i], left, frame + (kHeaderGroups + 64 * i) * kGroupBytes);
  }
}

void decode_key(const std::uint64_t* masks, const std::uint64_t* words, std::size_t rows,
                std::size_t row_bytes, std::uint8_t* row, std::uint8_t* frame) {
  const std::size_t row_words = (row_bytes + kWord - 1) / kWord;
  std::size_t position = 0;
  for (std::size_t y = 0; y < rows; ++y, frame += row_bytes) {
    for (std::size_t i = 0; i < row_words; ++i, ++position) {
      if ((masks[position / 64] >> position % 64 & 1U) != 0) {
        std::memcpy(row + i * kWord, words++, kWord);
      }
    }
    std::memcpy(frame, row, row_bytes);
  }
}

}  // namespace

const EncodingKernels kPortableEncoding{.differing = differing,
                                        .pack = pack,
                                        .align_rows = align_rows,
                                        .count_bits = count_bits,
                                        .decode_delta = decode_delta,
                                        .decode_key = decode_key};

const EncodingKernels& encoding_kernels() {
#if defined(__x86_64__)
  static const system::CpuPath path = system::cpu_path();
  if (path == system::CpuPath::avx512) {
    return kAvx512Encoding;
  }
  if (path == system::CpuPath::avx2) {
    return kAvx2Encoding;
  }
#endif
  return kPortableEncoding;
}

}  // namespace framering::ring
