// Encoding and decoding with AVX2, four words at a time. See system/avx2.hpp for how such a file is
// compiled.
#if defined(__x86_64__)
// NOLINTBEGIN(portability-simd-intrinsics): encoding_kernels.cpp holds the portable path.

#include <immintrin.h>

#include <array>
#include <bit>

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

FRAMERING_AVX2_INLINE __m256i load(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

FRAMERING_AVX2_INLINE void store(std::uint8_t* bytes, __m256i value) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), value);
}

// The words that a mask of four names, from `words`; the others from `kept`.
FRAMERING_AVX2_INLINE __m256i merge(__m256i kept, std::uint64_t mask, const std::uint64_t* words) {
  const Expansion& expansion = kExpansions[mask];
  const __m256i spread = _mm256_permutevar8x32_epi32(load(words), load(&expansion.indices));
  return _mm256_blendv_epi8(kept, spread, load(&expansion.named));
}

FRAMERING_AVX2 std::uint64_t differing(const std::uint8_t* a, const std::uint8_t* b) {
  std::uint64_t equal = 0;
  for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
    const __m256i same = _mm256_cmpeq_epi64(load(a + i * kWord), load(b + i * kWord));
    const auto mask = static_cast<unsigned>(_mm256_movemask_pd(_mm256_castsi256_pd(same)));
    equal |= static_cast<std::uint64_t>(mask) << i;
  }
  return ~equal;
}

FRAMERING_AVX2_BITS std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  return loops::count_bits(masks, number);
}

FRAMERING_AVX2_BITS void decode_delta(const CheckedFrame& delta, std::size_t further_masks,
                                      std::uint8_t* frame) {
  loops::decode_delta(delta, further_masks, frame);
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
      const std::uint64_t before = named & ((std::uint64_t{1} << (i * kVectorWords)) - 1);
      above[i] = merge(above[i], named >> (i * kVectorWords) & 15U, words + std::popcount(before));
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
                                    .count_bits = count_bits,
                                    .decode_delta = decode_delta,
                                    .decode_key = decode_key};

}  // namespace framering::ring

// NOLINTEND(portability-simd-intrinsics)
#endif
