// Colouring of palette rows with AVX2; see shrink_avx2.cpp for what keeps this file apart. Rows are
// 32 bytes or more: the last 32 of a row are done as one, whatever was done of them before.
#if defined(__x86_64__)
// NOLINTBEGIN(portability-simd-intrinsics): the portable path is in a file of its own.

#include <immintrin.h>

#include "frame/colour_conversion.hpp"
#include "frame/colouring.hpp"

#define AVX2 __attribute__((target("avx2")))
#define AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

namespace framering::frame {

namespace {

constexpr std::size_t lanes = 32;

AVX2_INLINE __m256i load(const std::uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}

AVX2_INLINE void store(std::uint8_t* bytes, __m256i values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), values);
}

AVX2_INLINE bool all_ones(__m256i mask) { return _mm256_movemask_epi8(mask) == -1; }

AVX2_INLINE __m256i sixteen(const std::uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

// 32 look-ups in 128 values: bits 1 to 4 of an index select within sixteen, bits 5 to 7 which
// sixteen. (A blend looks at the top bit of each byte, so bits 5 and 6 are moved there.)
AVX2_INLINE __m256i look_up_half(const std::uint8_t* table, __m256i indices) {
  const __m256i within = _mm256_and_si256(_mm256_srli_epi16(indices, 1), _mm256_set1_epi8(0x0F));
  const __m256i bit6 = _mm256_add_epi8(indices, indices);
  const __m256i bit5 = _mm256_add_epi8(bit6, bit6);
  __m256i quarter[4];
  for (std::size_t i = 0; i < 4; ++i) {
    quarter[i] =
        _mm256_blendv_epi8(_mm256_shuffle_epi8(sixteen(table + 32 * i), within),
                           _mm256_shuffle_epi8(sixteen(table + 32 * i + 16), within), bit5);
  }
  return _mm256_blendv_epi8(_mm256_blendv_epi8(quarter[0], quarter[1], bit6),
                            _mm256_blendv_epi8(quarter[2], quarter[3], bit6), indices);
}

AVX2_INLINE __m256i look_up(const LookUp& table, __m256i indices) {
  const __m256i parity = _mm256_slli_epi16(indices, 7);
  const auto odd = static_cast<unsigned>(_mm256_movemask_epi8(parity));
  if (odd == 0) [[likely]] {
    return look_up_half(table.even.data(), indices);
  }
  if (odd == 0xFFFFFFFFU) {
    return look_up_half(table.odd.data(), indices);
  }
  return _mm256_blendv_epi8(look_up_half(table.even.data(), indices),
                            look_up_half(table.odd.data(), indices), parity);
}

AVX2_INLINE __m256i larger(const LookUp& table, __m256i last, __m256i previous) {
  return _mm256_max_epu8(look_up(table, last), look_up(table, previous));
}

// rgb_luma of eight pixels: (r, g) and (b, 1) pairs of 16 bits in, 32 bits out.
AVX2_INLINE __m256i luma_of_eight(__m256i red_green, __m256i blue_one) {
  const __m256i red_green_weights = _mm256_set1_epi32(9798 + 65536 * 19235);
  const __m256i blue_half_weights = _mm256_set1_epi32(3735 + 65536 * 16384);
  return _mm256_srli_epi32(_mm256_add_epi32(_mm256_madd_epi16(red_green, red_green_weights),
                                            _mm256_madd_epi16(blue_one, blue_half_weights)),
                           15);
}

AVX2_INLINE __m256i luma_of_sixteen(__m256i red_green, __m256i blue_one) {
  const __m256i zero = _mm256_setzero_si256();
  return _mm256_packus_epi32(
      luma_of_eight(_mm256_unpacklo_epi8(red_green, zero), _mm256_unpacklo_epi8(blue_one, zero)),
      luma_of_eight(_mm256_unpackhi_epi8(red_green, zero), _mm256_unpackhi_epi8(blue_one, zero)));
}

AVX2_INLINE __m256i luma(__m256i red, __m256i green, __m256i blue) {
  const __m256i one = _mm256_set1_epi8(1);
  return _mm256_packus_epi16(
      luma_of_sixteen(_mm256_unpacklo_epi8(red, green), _mm256_unpacklo_epi8(blue, one)),
      luma_of_sixteen(_mm256_unpackhi_epi8(red, green), _mm256_unpackhi_epi8(blue, one)));
}

// The look-ups and the maximum of 32 pixels.
AVX2_INLINE void gray_pixels(const ColourTables& tables, __m256i a, __m256i b, bool same,
                             std::uint8_t* plane) {
  store(plane, same ? look_up(tables.gray, a) : larger(tables.gray, a, b));
}

AVX2_INLINE void luma_pixels(const ColourTables& tables, __m256i a, __m256i b, bool same,
                             std::uint8_t* plane) {
  store(plane, same ? look_up(tables.luma, a)
                    : luma(larger(tables.red, a, b), larger(tables.green, a, b),
                           larger(tables.blue, a, b)));
}

AVX2_INLINE void rgb_pixels(const ColourTables& tables, __m256i a, __m256i b, bool same,
                            std::uint8_t* planes, std::size_t stride) {
  store(planes, same ? look_up(tables.red, a) : larger(tables.red, a, b));
  store(planes + stride, same ? look_up(tables.green, a) : larger(tables.green, a, b));
  store(planes + 2 * stride, same ? look_up(tables.blue, a) : larger(tables.blue, a, b));
}

AVX2_INLINE void colour_pixels(const ColourTables& tables, Colouring colouring,
                               const std::uint8_t* last, const std::uint8_t* previous,
                               std::uint8_t* planes, std::size_t stride) {
  const __m256i a = load(last);
  const __m256i b = previous == nullptr ? a : load(previous);
  const bool same = previous == nullptr || all_ones(_mm256_cmpeq_epi8(a, b));
  if (colouring == Colouring::gray) {
    gray_pixels(tables, a, b, same, planes);
  } else if (colouring == Colouring::luma) {
    luma_pixels(tables, a, b, same, planes);
  } else {
    rgb_pixels(tables, a, b, same, planes, stride);
  }
}

AVX2_INLINE void colour_row_of(const ColourTables& tables, Colouring colouring,
                               const std::uint8_t* last, const std::uint8_t* previous,
                               std::size_t width, std::uint8_t* planes, std::size_t stride) {
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    colour_pixels(tables, colouring, last + i, previous == nullptr ? nullptr : previous + i,
                  planes + i, stride);
  }
  if (i != width) {
    i = width - lanes;
    colour_pixels(tables, colouring, last + i, previous == nullptr ? nullptr : previous + i,
                  planes + i, stride);
  }
}

AVX2 void colour_row(const ColourTables& tables, Colouring colouring, const std::uint8_t* last,
                     const std::uint8_t* previous, std::size_t width, std::uint8_t* planes,
                     std::size_t stride) {
  // Each with constant arguments of its own, so that the tables stay in registers along the row.
  if (colouring == Colouring::gray && previous == nullptr) {
    colour_row_of(tables, Colouring::gray, last, nullptr, width, planes, stride);
  } else if (colouring == Colouring::luma && previous == nullptr) {
    colour_row_of(tables, Colouring::luma, last, nullptr, width, planes, stride);
  } else {
    colour_row_of(tables, colouring, last, previous, width, planes, stride);
  }
}

// The bits in which two rows differ, all gathered in one register.
AVX2_INLINE __m256i difference(const std::uint8_t* a, const std::uint8_t* b, std::size_t width) {
  const std::size_t tail = width - lanes;
  __m256i bits = _mm256_xor_si256(load(a + tail), load(b + tail));
  for (std::size_t i = 0; i < tail; i += lanes) {
    bits = _mm256_or_si256(bits, _mm256_xor_si256(load(a + i), load(b + i)));
  }
  return bits;
}

AVX2_INLINE bool none(__m256i bits) { return _mm256_testz_si256(bits, bits) != 0; }

AVX2_INLINE void copy(const std::uint8_t* from, std::size_t width, std::uint8_t* to) {
  const std::size_t tail = width - lanes;
  for (std::size_t i = 0; i < tail; i += lanes) {
    store(to + i, load(from + i));
  }
  store(to + tail, load(from + tail));
}

AVX2_INLINE void keep_rows(const std::uint8_t* last, const std::uint8_t* previous,
                           std::size_t height, std::size_t width, const KeptScreens& kept,
                           bool all) {
  std::uint8_t* kept_last = kept.last;
  std::uint8_t* kept_previous = kept.previous;
  bool above_changed = false;
  for (std::size_t row = 0; row < height; ++row) {
    const unsigned state = kept.states[row];
    const __m256i between = difference(last, previous, width);
    bool changed = all;
    if (!all) {
      // A row that was paired is kept once, and need be read only once.
      const __m256i since =
          (state & row_paired) != 0 ? between : difference(previous, kept_previous, width);
      changed = !none(_mm256_or_si256(difference(last, kept_last, width), since));
    }
    if (changed || above_changed) {
      const bool paired = none(between);
      const bool repeats = row > 0 && none(difference(last, last - width, width)) &&
                           (paired ? (kept.states[row - 1] & row_paired) != 0
                                   : none(difference(previous, previous - width, width)));
      if (changed) {
        copy(last, width, kept_last);
        if (!paired) {
          copy(previous, width, kept_previous);
        }
      }
      kept.states[row] = static_cast<std::uint8_t>(
          (changed ? row_changed : 0U) | (paired ? row_paired : 0U) | (repeats ? row_repeats : 0U));
    } else {
      kept.states[row] = static_cast<std::uint8_t>(state & ~row_changed);
    }
    above_changed = changed;
    last += width;
    previous += width;
    kept_last += width;
    kept_previous += width;
  }
}

AVX2 void keep(const std::uint8_t* last, const std::uint8_t* previous, std::size_t height,
               std::size_t width, const KeptScreens& kept, bool all) {
  if (width == 160 && all) {  // an Atari's, with its loops unrolled
    keep_rows(last, previous, height, 160, kept, true);
  } else if (width == 160) {
    keep_rows(last, previous, height, 160, kept, false);
  } else {
    keep_rows(last, previous, height, width, kept, all);
  }
}

AVX2 void luma_of_planes(const std::uint8_t* planes, std::size_t stride, std::size_t width,
                         std::uint8_t* out) {
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    store(out + i,
          luma(load(planes + i), load(planes + stride + i), load(planes + 2 * stride + i)));
  }
  for (; i < width; ++i) {
    out[i] = rgb_luma(planes[i], planes[stride + i], planes[2 * stride + i]);
  }
}

// One channel of 32 RGB pixels whose halves lie in three registers of 16-byte halves. -1 clears.
AVX2_INLINE __m256i channel_of(const __m256i* thirds, const std::int8_t (*select)[16]) {
  __m256i channel = _mm256_setzero_si256();
  for (std::size_t third = 0; third < 3; ++third) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(select[third]));
    channel = _mm256_or_si256(
        channel, _mm256_shuffle_epi8(thirds[third], _mm256_broadcastsi128_si256(bytes)));
  }
  return channel;
}

// Where each channel's sixteen bytes lie in 48 bytes of RGB, 16 at a time.
constexpr std::int8_t reds[3][16] = {{0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
                                     {-1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14, -1, -1, -1, -1, -1},
                                     {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 1, 4, 7, 10, 13}};
constexpr std::int8_t greens[3][16] = {
    {1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
    {-1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1},
    {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 2, 5, 8, 11, 14}};
constexpr std::int8_t blues[3][16] = {{2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1},
                                      {-1, -1, -1, -1, -1, 1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1},
                                      {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 3, 6, 9, 12, 15}};

}  // namespace

AVX2 std::size_t rgb_to_gray_avx2(const std::uint8_t* rgb, std::uint8_t* gray,
                                  std::size_t pixel_count) {
  std::size_t i = 0;
  for (; i + lanes <= pixel_count; i += lanes, rgb += 3 * lanes) {
    __m256i thirds[3];
    for (std::size_t third = 0; third < 3; ++third) {
      const std::uint8_t* low = rgb + 16 * third;
      thirds[third] = _mm256_inserti128_si256(
          _mm256_castsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low))),
          _mm_loadu_si128(reinterpret_cast<const __m128i*>(low + 48)), 1);
    }
    store(gray + i,
          luma(channel_of(thirds, reds), channel_of(thirds, greens), channel_of(thirds, blues)));
  }
  return i;
}

const ColouringKernel colouring_avx2{
    .keep = &keep, .colour_row = &colour_row, .luma_of_planes = &luma_of_planes};

}  // namespace framering::frame

// NOLINTEND(portability-simd-intrinsics)
#endif
