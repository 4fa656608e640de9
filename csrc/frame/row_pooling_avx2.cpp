// Palette lookup and max-pooling with AVX2. A row has 32 bytes or more; its last 32 are computed
// together, even where some of them were computed before.

// NOLINTBEGIN(portability-simd-intrinsics): row_pooling.cpp holds the portable path.

#include <immintrin.h>

#include "frame/colour_conversion.hpp"
#include "frame/row_pooling.hpp"
#include "system/avx2.hpp"

namespace framering::frame {

namespace {

constexpr std::size_t lanes = 32;

FRAMERING_AVX2_INLINE __m256i load(const std::uint8_t* bytes) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes));
}

FRAMERING_AVX2_INLINE void store(std::uint8_t* bytes, __m256i values) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(bytes), values);
}

FRAMERING_AVX2_INLINE bool all_ones(__m256i mask) { return _mm256_movemask_epi8(mask) == -1; }

FRAMERING_AVX2_INLINE __m256i broadcast16(const std::uint8_t* table) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(table)));
}

// All ones in the bytes whose top bit is set.
FRAMERING_AVX2_INLINE __m256i top_bits(__m256i bytes) {
  return _mm256_cmpgt_epi8(_mm256_setzero_si256(), bytes);
}

FRAMERING_AVX2_INLINE __m256i xor_where(__m256i mask, __m256i a, __m256i b) {
  return _mm256_xor_si256(a, _mm256_and_si256(mask, b));
}

// 32 lookups in the terms of 128 values (see LookupTable). Bits 5 to 7 of an index select a group,
// bits 1 to 4 a term in it.
FRAMERING_AVX2_INLINE __m256i lookup_half(const std::uint8_t* terms, __m256i indices) {
  const __m256i within = _mm256_and_si256(_mm256_srli_epi16(indices, 1), _mm256_set1_epi8(0x0F));
  const __m256i from_bit6 = _mm256_add_epi8(indices, indices);
  const __m256i bit5 = top_bits(_mm256_add_epi8(from_bit6, from_bit6));
  const __m256i bit6 = top_bits(from_bit6);
  __m256i quarter[4];
  for (std::size_t i = 0; i < 4; ++i) {
    quarter[i] = xor_where(bit5, _mm256_shuffle_epi8(broadcast16(terms + 32 * i), within),
                           _mm256_shuffle_epi8(broadcast16(terms + 32 * i + 16), within));
  }
  return xor_where(top_bits(indices), xor_where(bit6, quarter[0], quarter[1]),
                   xor_where(bit6, quarter[2], quarter[3]));
}

FRAMERING_AVX2_INLINE __m256i lookup(const LookupTable& table, __m256i indices) {
  const __m256i parity = _mm256_slli_epi16(indices, 7);
  const auto odd = static_cast<unsigned>(_mm256_movemask_epi8(parity));
  if (odd == 0) [[likely]] {
    return lookup_half(table.even_terms.data(), indices);
  }
  const __m256i of_odd = lookup_half(table.odd_terms.data(), indices);
  if (odd == 0xFFFFFFFFU) {
    return of_odd;
  }
  const __m256i of_even = lookup_half(table.even_terms.data(), indices);
  return xor_where(top_bits(parity), of_even, _mm256_xor_si256(of_even, of_odd));
}

FRAMERING_AVX2_INLINE __m256i max_value(const LookupTable& table, __m256i last, __m256i previous) {
  return _mm256_max_epu8(lookup(table, last), lookup(table, previous));
}

// rgb_luma of eight pixels: (r, g) and (b, 1) pairs of 16 bits in, 32 bits out.
FRAMERING_AVX2_INLINE __m256i luma_of_eight(__m256i red_green, __m256i blue_one) {
  const __m256i red_green_weights = _mm256_set1_epi32(9798 + 65536 * 19235);
  const __m256i blue_half_weights = _mm256_set1_epi32(3735 + 65536 * 16384);
  return _mm256_srli_epi32(_mm256_add_epi32(_mm256_madd_epi16(red_green, red_green_weights),
                                            _mm256_madd_epi16(blue_one, blue_half_weights)),
                           15);
}

FRAMERING_AVX2_INLINE __m256i luma_of_sixteen(__m256i red_green, __m256i blue_one) {
  const __m256i zero = _mm256_setzero_si256();
  return _mm256_packus_epi32(
      luma_of_eight(_mm256_unpacklo_epi8(red_green, zero), _mm256_unpacklo_epi8(blue_one, zero)),
      luma_of_eight(_mm256_unpackhi_epi8(red_green, zero), _mm256_unpackhi_epi8(blue_one, zero)));
}

FRAMERING_AVX2_INLINE __m256i luma(__m256i red, __m256i green, __m256i blue) {
  const __m256i one = _mm256_set1_epi8(1);
  return _mm256_packus_epi16(
      luma_of_sixteen(_mm256_unpacklo_epi8(red, green), _mm256_unpacklo_epi8(blue, one)),
      luma_of_sixteen(_mm256_unpackhi_epi8(red, green), _mm256_unpackhi_epi8(blue, one)));
}

// The lookups and the maximum of 32 pixels.
FRAMERING_AVX2_INLINE void gray_pixels(const ColourTables& tables, __m256i a, __m256i b, bool same,
                                       std::uint8_t* plane) {
  store(plane, same ? lookup(tables.gray, a) : max_value(tables.gray, a, b));
}

FRAMERING_AVX2_INLINE void luma_pixels(const ColourTables& tables, __m256i a, __m256i b, bool same,
                                       std::uint8_t* plane) {
  store(plane, same ? lookup(tables.luma, a)
                    : luma(max_value(tables.red, a, b), max_value(tables.green, a, b),
                           max_value(tables.blue, a, b)));
}

FRAMERING_AVX2_INLINE void rgb_pixels(const ColourTables& tables, __m256i a, __m256i b, bool same,
                                      std::uint8_t* planes, std::size_t stride) {
  store(planes, same ? lookup(tables.red, a) : max_value(tables.red, a, b));
  store(planes + stride, same ? lookup(tables.green, a) : max_value(tables.green, a, b));
  store(planes + 2 * stride, same ? lookup(tables.blue, a) : max_value(tables.blue, a, b));
}

FRAMERING_AVX2_INLINE void pool_pixels(const ColourTables& tables, PoolFormat format,
                                       const std::uint8_t* last, const std::uint8_t* previous,
                                       std::uint8_t* planes, std::size_t stride) {
  const __m256i a = load(last);
  const __m256i b = previous == nullptr ? a : load(previous);
  const bool same = previous == nullptr || all_ones(_mm256_cmpeq_epi8(a, b));
  if (format == PoolFormat::gray) {
    gray_pixels(tables, a, b, same, planes);
  } else if (format == PoolFormat::luma) {
    luma_pixels(tables, a, b, same, planes);
  } else {
    rgb_pixels(tables, a, b, same, planes, stride);
  }
}

FRAMERING_AVX2_INLINE void pool_row_as(const ColourTables& tables, PoolFormat format,
                                       const std::uint8_t* last, const std::uint8_t* previous,
                                       std::size_t width, std::uint8_t* planes,
                                       std::size_t stride) {
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    pool_pixels(tables, format, last + i, previous == nullptr ? nullptr : previous + i, planes + i,
                stride);
  }
  if (i != width) {
    i = width - lanes;
    pool_pixels(tables, format, last + i, previous == nullptr ? nullptr : previous + i, planes + i,
                stride);
  }
}

FRAMERING_AVX2 void pool_row(const ColourTables& tables, PoolFormat format,
                             const std::uint8_t* last, const std::uint8_t* previous,
                             std::size_t width, std::uint8_t* planes, std::size_t stride) {
  // Constant arguments let the compiler hold the tables in registers along the row.
  if (format == PoolFormat::gray && previous == nullptr) {
    pool_row_as(tables, PoolFormat::gray, last, nullptr, width, planes, stride);
  } else if (format == PoolFormat::luma && previous == nullptr) {
    pool_row_as(tables, PoolFormat::luma, last, nullptr, width, planes, stride);
  } else {
    pool_row_as(tables, format, last, previous, width, planes, stride);
  }
}

// The bits in which two rows differ, combined in one register: zero if the rows are equal.
FRAMERING_AVX2_INLINE __m256i difference(const std::uint8_t* a, const std::uint8_t* b,
                                         std::size_t width) {
  const std::size_t tail = width - lanes;
  __m256i bits = _mm256_xor_si256(load(a + tail), load(b + tail));
  for (std::size_t i = 0; i < tail; i += lanes) {
    bits = _mm256_or_si256(bits, _mm256_xor_si256(load(a + i), load(b + i)));
  }
  return bits;
}

FRAMERING_AVX2_INLINE bool is_zero(__m256i bits) { return _mm256_testz_si256(bits, bits) != 0; }

FRAMERING_AVX2_INLINE void copy(const std::uint8_t* from, std::size_t width, std::uint8_t* to) {
  const std::size_t tail = width - lanes;
  for (std::size_t i = 0; i < tail; i += lanes) {
    store(to + i, load(from + i));
  }
  store(to + tail, load(from + tail));
}

FRAMERING_AVX2_INLINE void update_rows(const std::uint8_t* last, const std::uint8_t* previous,
                                       std::size_t height, std::size_t width,
                                       const StoredScreens& stored, bool all) {
  std::uint8_t* stored_last = stored.last;
  std::uint8_t* stored_previous = stored.previous;
  bool above_changed = false;
  for (std::size_t row = 0; row < height; ++row) {
    const unsigned flags = stored.row_flags[row];
    const __m256i between = difference(last, previous, width);
    bool changed = all;
    if (!all) {
      // A row that was equal in both screens is stored once, and compared once.
      const __m256i previous_bits =
          (flags & row_equal_in_both) != 0 ? between : difference(previous, stored_previous, width);
      changed = !is_zero(_mm256_or_si256(difference(last, stored_last, width), previous_bits));
    }
    if (changed || above_changed) {
      const bool equal_in_both = is_zero(between);
      const bool repeats = row > 0 && is_zero(difference(last, last - width, width)) &&
                           (equal_in_both ? (stored.row_flags[row - 1] & row_equal_in_both) != 0
                                          : is_zero(difference(previous, previous - width, width)));
      if (changed) {
        copy(last, width, stored_last);
        if (!equal_in_both) {
          copy(previous, width, stored_previous);
        }
      }
      stored.row_flags[row] = static_cast<std::uint8_t>((changed ? row_changed : 0U) |
                                                        (equal_in_both ? row_equal_in_both : 0U) |
                                                        (repeats ? row_repeats_above : 0U));
    } else {
      stored.row_flags[row] = static_cast<std::uint8_t>(flags & ~row_changed);
    }
    above_changed = changed;
    last += width;
    previous += width;
    stored_last += width;
    stored_previous += width;
  }
}

FRAMERING_AVX2 void update_screens(const std::uint8_t* last, const std::uint8_t* previous,
                                   std::size_t height, std::size_t width,
                                   const StoredScreens& stored, bool all) {
  if (width == 160 && all) {  // an Atari screen: the compiler unrolls the loops
    update_rows(last, previous, height, 160, stored, true);
  } else if (width == 160) {
    update_rows(last, previous, height, 160, stored, false);
  } else {
    update_rows(last, previous, height, width, stored, all);
  }
}

FRAMERING_AVX2 void luma_of_planes(const std::uint8_t* planes, std::size_t stride,
                                   std::size_t width, std::uint8_t* out) {
  std::size_t i = 0;
  for (; i + lanes <= width; i += lanes) {
    store(out + i,
          luma(load(planes + i), load(planes + stride + i), load(planes + 2 * stride + i)));
  }
  for (; i < width; ++i) {
    out[i] = rgb_luma(planes[i], planes[stride + i], planes[2 * stride + i]);
  }
}

// One channel of 32 RGB pixels. The lower halves of the three registers hold the first 16 pixels,
// the upper halves the others. An index of -1 selects zero.
FRAMERING_AVX2_INLINE __m256i channel_of(const __m256i* thirds, const std::int8_t (*select)[16]) {
  __m256i channel = _mm256_setzero_si256();
  for (std::size_t third = 0; third < 3; ++third) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(select[third]));
    channel = _mm256_or_si256(
        channel, _mm256_shuffle_epi8(thirds[third], _mm256_broadcastsi128_si256(bytes)));
  }
  return channel;
}

// Positions of each channel's bytes in 48 bytes of RGB, 16 bytes at a time.
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

FRAMERING_AVX2 std::size_t rgb_to_gray_avx2(const std::uint8_t* rgb, std::uint8_t* gray,
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

const PoolingKernel pooling_avx2{
    .update_screens = &update_screens, .pool_row = &pool_row, .luma_of_planes = &luma_of_planes};

}  // namespace framering::frame

// NOLINTEND(portability-simd-intrinsics)
