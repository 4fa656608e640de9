// Encoding and decoding with AVX-512, eight words at a time. See system/avx2.hpp for how such a
// file is compiled.
//
// Words are packed in a register and stored whole: storing only the named ones in one instruction
// takes over a hundred cycles on AMD Zen 4.
#if defined(__x86_64__)
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
constexpr std::size_t kVectorWords = 8;
constexpr std::size_t kVectorBytes = 64;
constexpr std::size_t kGroupBytes = kGroupWords * kWord;

FRAMERING_AVX512_INLINE __m512i load(const void* bytes) { return _mm512_loadu_si512(bytes); }

FRAMERING_AVX512_INLINE void store(void* bytes, __m512i value) {
  _mm512_storeu_si512(bytes, value);
}

// The words that the low eight bits of a mask name, from `words`; the others from `kept`.
FRAMERING_AVX512_INLINE __m512i merge(__m512i kept, std::uint64_t mask,
                                      const std::uint64_t* words) {
  return _mm512_mask_expand_epi64(kept, static_cast<__mmask8>(mask), load(words));
}

// The words that the low eight bits of a mask name, one behind the other.
FRAMERING_AVX512_INLINE __m512i compress(__m512i words, std::uint64_t mask) {
  return _mm512_maskz_compress_epi64(static_cast<__mmask8>(mask), words);
}

FRAMERING_AVX512 void differing(const std::uint8_t* a, const std::uint8_t* b, std::size_t groups,
                                std::uint64_t* masks) {
  for (std::size_t group = 0; group < groups; ++group, a += kGroupBytes, b += kGroupBytes) {
    std::uint64_t mask = 0;
    for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
      const std::uint64_t differ =
          _mm512_cmpneq_epi64_mask(load(a + i * kWord), load(b + i * kWord));
      mask |= differ << i;
    }
    masks[group] = mask;
  }
}

FRAMERING_AVX512 void pack(const std::uint8_t* frame, const std::uint64_t* masks,
                           std::size_t groups, std::uint64_t* words) {
  for (std::size_t group = 0; group < groups; ++group, frame += kGroupBytes) {
    const std::uint64_t mask = masks[group];
    if (mask == 0) {
      continue;
    }
    for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
      store(words + loops::named_before(mask, i), compress(load(frame + i * kWord), mask >> i));
    }
    words += std::popcount(mask);
  }
}

FRAMERING_AVX512 void align_rows(const std::uint8_t* frame, std::size_t rows, std::size_t row_bytes,
                                 std::uint8_t* aligned) {
  const std::size_t step = (row_bytes + kWord - 1) / kWord * kWord;
  const std::size_t whole = (row_bytes - 1) / kVectorBytes * kVectorBytes;
  const __mmask64 rest = ~std::uint64_t{0} >> (kVectorBytes - (row_bytes - whole));
  for (std::size_t y = 0; y < rows; ++y, frame += row_bytes, aligned += step) {
    for (std::size_t i = 0; i < whole; i += kVectorBytes) {
      store(aligned + i, load(frame + i));
    }
    store(aligned + whole, _mm512_maskz_loadu_epi8(rest, frame + whole));
  }
}

FRAMERING_AVX512 std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  return loops::count_bits(masks, number);
}

FRAMERING_AVX512_INLINE void decode_groups(std::uint64_t groups, CheckedFrame& delta,
                                           std::uint8_t* frame) {
  for (; groups != 0; groups &= groups - 1) {
    std::uint8_t* const group =
        frame + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupBytes;
    const std::uint64_t mask = *delta.word_masks++;
    for (std::size_t i = 0; i < kGroupWords; i += kVectorWords) {
      std::uint8_t* const to = group + i * kWord;
      store(to, merge(load(to), mask >> i, delta.words + loops::named_before(mask, i)));
    }
    delta.words += std::popcount(mask);
  }
}

FRAMERING_AVX512 void decode_delta(const CheckedFrame& delta, std::size_t further_masks,
                                   std::uint8_t* frame) {
  CheckedFrame left = delta;
  decode_groups(delta.group_masks[0] >> 32U, left, frame);
  for (std::size_t i = 0; i < further_masks; ++i) {
    decode_groups(delta.group_masks[1 + i], left, frame + (kHeaderGroups + 64 * i) * kGroupBytes);
  }
}

// A row of `kVectors` vectors, of which the last one may reach beyond it. The row above stays in
// registers: loads of what was just stored would wait for it. Each of a row's vectors finds its
// words without the others.
template <std::size_t kVectors>
FRAMERING_AVX512_INLINE const std::uint64_t* decode_row(std::uint64_t named,
                                                        const std::uint64_t* words, __m512i* above,
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
  __m512i above[kVectors];
  for (__m512i& vector : above) {
    vector = _mm512_setzero_si512();
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
                                      .decode_delta = decode_delta,
                                      .decode_key = decode_key};

}  // namespace framering::ring

// NOLINTEND(portability-simd-intrinsics)
#endif
