// Encoding and decoding with AVX2, four words at a time where many are named. See system/avx2.hpp
// for how such a file is compiled.

// NOLINTBEGIN(portability-simd-intrinsics): encoding_kernels.cpp holds the portable path.

#include <immintrin.h>

#include <array>
#include <bit>
#include <cstring>

#include "ring/encoding_kernels.hpp"
#include "ring/encoding_loops.hpp"
#include "system/avx2.hpp"

namespace framering::ring {

// Every processor with AVX2 counts bits, too.
#define FRAMERING_AVX2_BITS __attribute__((target("avx2,bmi,popcnt")))
#define FRAMERING_AVX2_BITS_INLINE __attribute__((target("avx2,bmi,popcnt"), always_inline)) inline

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kVectorWords = 4;
constexpr std::size_t kVectorBytes = 32;
constexpr std::size_t kGroupBytes = kGroupWords * kWord;

// In groups with fewer named words, these are copied one by one.
constexpr int kDenseToPack = 16;
constexpr int kDenseToUnpack = 24;

// For a mask of four words: where each of the named ones lies among the packed words, as pairs of
// 32-bit indices, and its bits, all set.
struct alignas(kVectorBytes) Expansion {
  std::array<std::uint32_t, 8> indices;
  std::array<std::uint64_t, 4> named;
};

constexpr std::array<Expansion, 16> make_expansions() {
  std::array<Expansion, 16> table{};
  for (unsigned mask = 0; mask < 16; ++mask) {
    std::uint32_t next = 0;
    for (std::size_t word = 0; word < 4; ++word) {
      if ((mask >> word & 1U) != 0) {
        table[mask].indices[2 * word] = 2 * next;
        table[mask].indices[2 * word + 1] = 2 * next + 1;
        table[mask].named[word] = ~std::uint64_t{0};
        ++next;
      }
    }
  }
  return table;
}

constexpr std::array<Expansion, 16> kExpansions = make_expansions();

// For a mask of four words: where each of the packed ones lies among the four, as pairs of 32-bit
// indices.
struct alignas(kVectorBytes) Compression {
  std::array<std::uint32_t, 8> indices;
};

constexpr std::array<Compression, 16> make_compressions() {
  std::array<Compression, 16> table{};
  for (unsigned mask = 0; mask < 16; ++mask) {
    std::size_t next = 0;
    for (std::uint32_t word = 0; word < 4; ++word) {
      if ((mask >> word & 1U) != 0) {
        table[mask].indices[next++] = 2 * word;
        table[mask].indices[next++] = 2 * word + 1;
      }
    }
  }
  return table;
}

constexpr std::array<Compression, 16> kCompressions = make_compressions();

FRAMERING_AVX2_INLINE __m256i load(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

FRAMERING_AVX2_INLINE void store(void* bytes, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(bytes), value);
}

// The words that a mask of four names, from `words`; the others from `kept`.
FRAMERING_AVX2_INLINE __m256i merge(__m256i kept, std::uint64_t mask, const std::uint64_t* words) {
  const Expansion& expansion = kExpansions[mask];
  const __m256i spread = _mm256_permutevar8x32_epi32(load(words), load(&expansion.indices));
  return _mm256_blendv_epi8(kept, spread, load(&expansion.named));
}

// The words that a mask of four names, one behind the other.
FRAMERING_AVX2_INLINE __m256i compress(__m256i words, std::uint64_t mask) {
  return _mm256_permutevar8x32_epi32(words, load(&kCompressions[mask].indices));
}

FRAMERING_AVX2 void differing(const std::uint8_t* a, const std::uint8_t* b, std::size_t groups,
                              std::uint64_t* masks) {
  for (std::size_t group = 0; group < groups; ++group, a += kGroupBytes, b += kGroupBytes) {
    std::uint64_t equal = 0;
    for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
      const __m256i same = _mm256_cmpeq_epi64(load(a + i * kWord), load(b + i * kWord));
      const auto mask = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(same)));
      equal |= static_cast<std::uint64_t>(mask) << i;
    }
    masks[group] = ~equal;
  }
}

FRAMERING_AVX2_BITS void pack(const NamedWords& named, const std::uint8_t* frame,
                              std::uint64_t* words) {
  const std::uint64_t* mask = named.word_masks;
  for (std::size_t at = 0; at <= named.further_masks; ++at) {
    const std::uint8_t* const first = frame + loops::first_group_of(at) * kGroupBytes;
    for (std::uint64_t groups = loops::groups_of(named, at); groups != 0; groups &= groups - 1) {
      const std::uint8_t* const group =
          first + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupBytes;
      const std::uint64_t words_mask = *mask++;
      if (std::popcount(words_mask) < kDenseToPack) {
        words = loops::copy_from_group(group, words_mask, words);
        continue;
      }
      for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
        store(words + loops::named_before(words_mask, i),
              compress(load(group + i * kWord), words_mask >> i & 15U));
      }
      words += std::popcount(words_mask);
    }
  }
}

FRAMERING_AVX2 void align_rows(const std::uint8_t* frame, std::size_t rows, std::size_t row_bytes,
                               std::uint8_t* aligned) {
  const std::size_t row_words = (row_bytes + kWord - 1) / kWord;
  const std::uint64_t last = ~std::uint64_t{0} >> (row_words * kWord - row_bytes) * 8;
  for (std::size_t y = 0; y < rows; ++y, frame += row_bytes, aligned += row_words * kWord) {
    for (std::size_t i = 0; i < row_words; i += kVectorWords) {
      store(aligned + i * kWord, load(frame + i * kWord));
    }
    std::uint64_t word = 0;
    std::memcpy(&word, frame + (row_words - 1) * kWord, kWord);
    word &= last;
    std::memcpy(aligned + (row_words - 1) * kWord, &word, kWord);
  }
}

FRAMERING_AVX2_BITS std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  return loops::count_bits(masks, number);
}

FRAMERING_AVX2_BITS void unpack(const NamedWords& named, const std::uint64_t* words,
                                std::uint8_t* frame) {
  const std::uint64_t* mask = named.word_masks;
  for (std::size_t at = 0; at <= named.further_masks; ++at) {
    std::uint8_t* const first = frame + loops::first_group_of(at) * kGroupBytes;
    for (std::uint64_t groups = loops::groups_of(named, at); groups != 0; groups &= groups - 1) {
      std::uint8_t* const group =
          first + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupBytes;
      const std::uint64_t words_mask = *mask++;
      if (std::popcount(words_mask) < kDenseToUnpack) {
        words = loops::copy_to_group(words_mask, words, group);
        continue;
      }
      for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
        std::uint8_t* const to = group + i * kWord;
        store(to,
              merge(load(to), words_mask >> i & 15U, words + loops::named_before(words_mask, i)));
      }
      words += std::popcount(words_mask);
    }
  }
}

// A row of `kVectors` vectors, of which the last one may reach beyond it. The row above stays in
// registers: loads of what was just stored would wait for it. Each of a row's vectors finds its
// words without the others.
template <std::size_t kVectors>
FRAMERING_AVX2_BITS_INLINE const std::uint64_t* decode_row(std::uint64_t named,
                                                           const std::uint64_t* words,
                                                           __m256i* above, std::uint8_t* to) {
  if (named != 0) {
    for (std::size_t i = 0; i < kVectors; ++i) {
      above[i] = merge(above[i], named >> (i * kVectorWords) & 15U,
                       words + loops::named_before(named, i * kVectorWords));
    }
  }
  for (std::size_t i = 0; i < kVectors; ++i) {
    store(to + i * kVectorBytes, above[i]);
  }
  return words + std::popcount(named);
}

template <std::size_t kVectors>
FRAMERING_AVX2_BITS void decode_narrow_key(const std::uint64_t* masks, const std::uint64_t* words,
                                           std::size_t rows, std::size_t row_bytes,
                                           std::uint8_t* frame) {
  const std::size_t row_words = (row_bytes + kWord - 1) / kWord;
  const std::uint64_t all = (std::uint64_t{1} << row_words) - 1;
  __m256i above[kVectors];
  for (__m256i& vector : above) {
    vector = _mm256_setzero_si256();
  }
  for (std::size_t row = 0; row < rows; ++row, frame += row_bytes) {
    words = decode_row<kVectors>(loops::bits_at(masks, row * row_words) & all, words, above, frame);
  }
}

FRAMERING_AVX2_BITS void decode_key(const std::uint64_t* masks, const std::uint64_t* words,
                                    std::size_t rows, std::size_t row_bytes, std::uint8_t* row,
                                    std::uint8_t* frame) {
  switch ((row_bytes + kVectorBytes - 1) / kVectorBytes) {
    case 1:
      return decode_narrow_key<1>(masks, words, rows, row_bytes, frame);
    case 2:
      return decode_narrow_key<2>(masks, words, rows, row_bytes, frame);
    case 3:
      return decode_narrow_key<3>(masks, words, rows, row_bytes, frame);
    case 4:
      return decode_narrow_key<4>(masks, words, rows, row_bytes, frame);
    default:
      return kPortableEncoding.decode_key(masks, words, rows, row_bytes, row, frame);
  }
}

}  // namespace

const EncodingKernels kAvx2Encoding{.differing = differing,
                                    .pack = pack,
                                    .align_rows = align_rows,
                                    .count_bits = count_bits,
                                    .unpack = unpack,
                                    .decode_key = decode_key};

}  // namespace framering::ring

// NOLINTEND(portability-simd-intrinsics)
