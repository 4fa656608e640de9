#include "ring/encoding_kernels.hpp"

#include <cstring>

#include "ring/encoding_loops.hpp"
#include "system/cpu_features.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

std::uint64_t load(const std::uint8_t* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, kWord);
  return word;
}

std::uint64_t differing(const std::uint8_t* a, const std::uint8_t* b) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < kGroupWords; ++i) {
    mask |= std::uint64_t{load(a + i * kWord) != load(b + i * kWord)} << i;
  }
  return mask;
}

std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  return loops::count_bits(masks, number);
}

void decode_delta(const CheckedFrame& delta, std::size_t further_masks, std::uint8_t* frame) {
  loops::decode_delta(delta, further_masks, frame);
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
                                        .count_bits = count_bits,
                                        .decode_delta = decode_delta,
                                        .decode_key = decode_key};

const EncodingKernels& encoding_kernels() {
#if defined(__x86_64__)
  static const bool avx2 = system::cpu_path() == system::CpuPath::avx2;
  if (avx2) {
    return kAvx2Encoding;
  }
#endif
  return kPortableEncoding;
}

}  // namespace framering::ring
