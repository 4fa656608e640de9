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

void pack(const NamedWords& named, const std::uint8_t* frame, std::uint64_t* words) {
  const std::uint64_t* mask = named.word_masks;
  for (std::size_t at = 0; at <= named.further_masks; ++at) {
    const std::uint8_t* const first = frame + loops::first_group_of(at) * kGroupBytes;
    for (std::uint64_t groups = loops::groups_of(named, at); groups != 0; groups &= groups - 1) {
      const std::uint8_t* const group =
          first + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupBytes;
      words = loops::copy_from_group(group, *mask++, words);
    }
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

void unpack(const NamedWords& named, const std::uint64_t* words, std::uint8_t* frame) {
  const std::uint64_t* mask = named.word_masks;
  for (std::size_t at = 0; at <= named.further_masks; ++at) {
    std::uint8_t* const first = frame + loops::first_group_of(at) * kGroupBytes;
    for (std::uint64_t groups = loops::groups_of(named, at); groups != 0; groups &= groups - 1) {
      std::uint8_t* const group =
          first + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupBytes;
      words = loops::copy_to_group(*mask++, words, group);
    }
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
                                        .unpack = unpack,
                                        .decode_key = decode_key};

const EncodingKernels& encoding_kernels() {
#if FRAMERING_X86_KERNELS
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
