// Encoding and decoding with AVX-512, four words at a time where many are named. See
// system/avx2.hpp for how such a file is compiled.
//
// Vectors have 256 bits: after wider ones, processors run at a lower clock for some time, which
// costs `add` more than they gain here. Words are packed in a register and stored whole, since
// storing only the named ones by one instruction is very slow on AMD's Zen 4.

// NOLINTBEGIN(portability-simd-intrinsics): encoding_kernels.cpp holds the portable path.

#include <immintrin.h>

#include <bit>

#include "ring/encoding_kernels.hpp"
#include "ring/encoding_loops.hpp"

namespace framering::ring {

// Every processor with AVX-512 counts bits, too.
#define FRAMERING_AVX512_TARGET target("avx512f,avx512bw,avx512dq,avx512vl,bmi,bmi2,popcnt")
#define FRAMERING_AVX512 __attribute__((FRAMERING_AVX512_TARGET))
#define FRAMERING_AVX512_INLINE __attribute__((FRAMERING_AVX512_TARGET, always_inline)) inline

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kVectorWords = 4;
constexpr std::size_t kVectorBytes = 32;
constexpr std::size_t kGroupBytes = kGroupWords * kWord;

// In groups with fewer named words, these are copied one by one.
constexpr int kDenseToPack = 16;
constexpr int kDenseToUnpack = 16;

FRAMERING_AVX512_INLINE __m256i load(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

FRAMERING_AVX512_INLINE void store(void* bytes, __m256i value) {
  _mm256_storeu_si256(static_cast<__m256i*>(bytes), value);
}

// The words that the low four bits of a mask name, from `words`; the others from `kept`.
FRAMERING_AVX512_INLINE __m256i merge(__m256i kept, std::uint64_t mask,
                                      const std::uint64_t* words) {
  return _mm256_mask_expand_epi64(kept, static_cast<__mmask8>(mask), load(words));
}

// The words that the low four bits of a mask name, one behind the other.
FRAMERING_AVX512_INLINE __m256i compress(__m256i words, std::uint64_t mask) {
  return _mm256_maskz_compress_epi64(static_cast<__mmask8>(mask), words);
}

FRAMERING_AVX512 void differing(const std::uint8_t* a, const std::uint8_t* b, std::size_t groups,
                                std::uint64_t* masks) {
  for (std::size_t group = 0; group < groups; ++group, a += kGroupBytes, b += kGroupBytes) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
      const std::uint64_t differ =
          _mm256_cmpneq_epi64_mask(load(a + i * kWord), load(b + i * kWord));
      mask |= differ << i;
    }
    masks[group] = mask;
  }
}

FRAMERING_AVX512 void pack(const NamedWords& named, const std::uint8_t* frame,
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
              compress(load(group + i * kWord), words_mask >> i));
      }
      words += std::popcount(words_mask);
    }
  }
}

FRAMERING_AVX512 void align_rows(const std::uint8_t* frame, std::size_t rows, std::size_t row_bytes,
                                 std::uint8_t* aligned) {
  const std::size_t step = (row_bytes + kWord - 1) / kWord * kWord;
  const std::size_t whole = (row_bytes - 1) / kVectorBytes * kVectorBytes;
  const __mmask32 rest = ~std::uint32_t{0} >> (kVectorBytes - (row_bytes - whole));
  for (std::size_t y = 0; y < rows; ++y, frame += row_bytes, aligned += step) {
    for (std::size_t i = 0; i < whole; i += kVectorBytes) {
      store(aligned + i, load(frame + i));
    }
    store(aligned + whole, _mm256_maskz_loadu_epi8(rest, frame + whole));
  }
}

FRAMERING_AVX512 std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  return loops::count_bits(masks, number);
}

FRAMERING_AVX512 void unpack(const NamedWords& named, const std::uint64_t* words,
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
        store(to, merge(load(to), words_mask >> i, words + loops::named_before(words_mask, i)));
      }
      words += std::popcount(words_mask);
    }
  }
}

// A row of `kVectors` vectors, of which the last one may reach beyond it. The row above stays in
// registers: loads of what was just stored would wait for it. Each of a row's vectors finds its
// words without the others.
template <std::size_t kVectors>
FRAMERING_AVX512_INLINE const std::uint64_t* decode_row(std::uint64_t named,
                                                        const std::uint64_t* words, __m256i* above,
                                                        std::uint8_t* to) {
  if (named != 0) {
    for (std::size_t i = 0; i < kVectors; ++i) {
      above[i] = merge(above[i], named >> (i * kVectorWords),
                       words + loops::named_before(named, i * kVectorWords));
    }
  }
  for (std::size_t i = 0; i < kVectors; ++i) {
    store(to + i * kVectorBytes, above[i]);
  }
  return words + std::popcount(named);
}

template <std::size_t kVectors>
FRAMERING_AVX512 void decode_narrow_key(const std::uint64_t* masks, const std::uint64_t* words,
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

FRAMERING_AVX512 void decode_key(const std::uint64_t* masks, const std::uint64_t* words,
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

const EncodingKernels kAvx512Encoding{.differing = differing,
                                      .pack = pack,
                                      .align_rows = align_rows,
                                      .count_bits = count_bits,
                                      .unpack = unpack,
                                      .decode_key = decode_key};

}  // namespace framering::ring

// NOLINTEND(portability-simd-intrinsics)
