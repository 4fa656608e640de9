// Scaling of stacks of four frames with AVX2.

// NOLINTBEGIN(portability-simd-intrinsics): scale_stacks.cpp holds the portable path.

#include <immintrin.h>

#include "frame/scale_stacks.hpp"
#include "system/avx2.hpp"

namespace framering::frame {

namespace {

constexpr std::size_t lanes = 16;

FRAMERING_AVX2_INLINE __m128i load(const std::uint8_t* bytes) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Stores the lower eight bytes / 255 as floats.
FRAMERING_AVX2_INLINE void store_eight(__m128i bytes, float* out) {
  const __m256 floats = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  _mm256_storeu_ps(out, _mm256_div_ps(floats, _mm256_set1_ps(255.0F)));
}

FRAMERING_AVX2_INLINE void store_sixteen(__m128i bytes, float* out) {
  store_eight(bytes, out);
  store_eight(_mm_srli_si128(bytes, 8), out + 8);
}

// Scales sixteen pixels of each plane.
FRAMERING_AVX2_INLINE void scale_pixels(const std::uint8_t* planes, std::size_t pixels,
                                        float* out) {
  const __m128i first = load(planes);
  const __m128i second = load(planes + pixels);
  const __m128i third = load(planes + 2 * pixels);
  const __m128i fourth = load(planes + 3 * pixels);
  const __m128i low_pairs = _mm_unpacklo_epi8(first, second);
  const __m128i high_pairs = _mm_unpackhi_epi8(first, second);
  const __m128i low_others = _mm_unpacklo_epi8(third, fourth);
  const __m128i high_others = _mm_unpackhi_epi8(third, fourth);
  store_sixteen(_mm_unpacklo_epi16(low_pairs, low_others), out);
  store_sixteen(_mm_unpackhi_epi16(low_pairs, low_others), out + 16);
  store_sixteen(_mm_unpacklo_epi16(high_pairs, high_others), out + 32);
  store_sixteen(_mm_unpackhi_epi16(high_pairs, high_others), out + 48);
}

}  // namespace

FRAMERING_AVX2 std::size_t scale_four_planes_avx2(const std::uint8_t* planes, std::size_t pixels,
                                                  float* out) {
  const std::size_t whole = pixels - pixels % lanes;
  for (std::size_t i = 0; i < whole; i += lanes) {
    scale_pixels(planes + i, pixels, out + i * 4);
  }
  return whole;
}

}  // namespace framering::frame

// NOLINTEND(portability-simd-intrinsics)
