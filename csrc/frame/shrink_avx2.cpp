// Shrink with AVX2. Columns are summed first: sixteen sums take two multiply-adds on bytes, and
// rows that repeat, as most rows of an Atari screen do, are summed once.

// NOLINTBEGIN(portability-simd-intrinsics): shrink_portable.cpp holds the portable path.

#include <immintrin.h>

#include <cstring>

#include "frame/shrink_kernel.hpp"
#include "system/avx2.hpp"

namespace framering::frame {

namespace {

FRAMERING_AVX2_INLINE __m256i load(const void* bytes) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(bytes));
}

FRAMERING_AVX2_INLINE __m256i load_halves(const std::uint8_t* low, const std::uint8_t* high) {
  const __m128i low_half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(low));
  const __m128i high_half = _mm_loadu_si128(reinterpret_cast<const __m128i*>(high));
  return _mm256_inserti128_si256(_mm256_castsi128_si256(low_half), high_half, 1);
}

struct Quotients {
  __m256i results;    // sixteen 16-bit lanes
  __m256i recompute;  // all ones in the lanes that must be computed again
};

// N is at most 51,000, so it fits in 16 unsigned bits.
FRAMERING_AVX2_INLINE Quotients divide_by_200(__m256i numerators) {
  const __m256i shifted = _mm256_add_epi16(numerators, _mm256_set1_epi16(100));
  // x / 200 = (x / 8) / 25, and x * 5243 >> 17 is x / 25, rounded down, for x below 43,690.
  const __m256i eighths = _mm256_srli_epi16(shifted, 3);
  const __m256i results =
      _mm256_srli_epi16(_mm256_mulhi_epu16(eighths, _mm256_set1_epi16(5243)), 1);
  // Halves were rounded up: they are the lanes without a remainder.
  const __m256i product = _mm256_mullo_epi16(results, _mm256_set1_epi16(200));
  return {.results = results, .recompute = _mm256_cmpeq_epi16(product, shifted)};
}

FRAMERING_AVX2_INLINE Quotients finish_by_200(const std::uint16_t* const* sums,
                                              const std::int16_t* weights, std::size_t lane) {
  const __m256i first = load(sums[0] + lane);
  const __m256i middle = load(sums[1] + lane);
  const __m256i last = load(sums[2] + lane);
  const __m256i twice = _mm256_add_epi16(middle, weights[0] == 2 ? first : last);
  const __m256i once = weights[0] == 2 ? last : first;
  return divide_by_200(_mm256_add_epi16(_mm256_add_epi16(twice, twice), once));
}

FRAMERING_AVX2_INLINE Quotients finish_halves(const std::uint16_t* const* sums, std::size_t lane) {
  const __m256i four = _mm256_add_epi16(load(sums[0] + lane), load(sums[1] + lane));
  return {.results = _mm256_srli_epi16(_mm256_add_epi16(four, _mm256_set1_epi16(2)), 2),
          .recompute = _mm256_setzero_si256()};
}

// Sixteen averages of 2x2 values, from `source`.
FRAMERING_AVX2_INLINE __m256i halve(const std::uint8_t* const* rows, std::size_t source) {
  const __m256i one = _mm256_set1_epi8(1);
  const __m256i four = _mm256_add_epi16(_mm256_maddubs_epi16(load(rows[0] + source), one),
                                        _mm256_maddubs_epi16(load(rows[1] + source), one));
  return _mm256_srli_epi16(_mm256_add_epi16(four, _mm256_set1_epi16(2)), 2);
}

// Eight 32-bit lanes.
FRAMERING_AVX2_INLINE __m256i divide(const ShrinkPlan& plan, __m256i numerators,
                                     __m256i& recompute) {
  const __m256 quotients =
      _mm256_add_ps(_mm256_mul_ps(_mm256_cvtepi32_ps(numerators), _mm256_set1_ps(plan.inverse)),
                    _mm256_set1_ps(plan.bias));
  const __m256i results = _mm256_cvtps_epi32(quotients);
  const __m256i rest = _mm256_sub_epi32(
      numerators, _mm256_mullo_epi32(results, _mm256_set1_epi32(plan.denominator)));
  const __m256i distance = _mm256_abs_epi32(_mm256_add_epi32(rest, rest));
  recompute = _mm256_cmpgt_epi32(distance, _mm256_set1_epi32(plan.recompute_from - 1));
  return results;
}

FRAMERING_AVX2_INLINE Quotients finish_any(const ShrinkPlan& plan, std::size_t y,
                                           const std::uint16_t* const* sums,
                                           const std::int16_t* weights, std::size_t lane) {
  const std::size_t count = plan.rows.spans[y].count;
  __m256i low = _mm256_setzero_si256();
  __m256i high = _mm256_setzero_si256();
  for (std::size_t row = 0; row < count; row += 2) {
    const bool pair = row + 1 < count;
    const __m256i a = load(sums[row] + lane);
    const __m256i b = pair ? load(sums[row + 1] + lane) : _mm256_setzero_si256();
    const auto both = static_cast<std::uint32_t>(static_cast<std::uint16_t>(weights[row])) |
                      (pair ? static_cast<std::uint32_t>(weights[row + 1]) << 16U : 0U);
    const __m256i weight_pair = _mm256_set1_epi32(static_cast<int>(both));
    low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), weight_pair));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), weight_pair));
  }
  __m256i low_recompute;
  __m256i high_recompute;
  const __m256i low_results = divide(plan, low, low_recompute);
  const __m256i high_results = divide(plan, high, high_recompute);
  return {.results = _mm256_packs_epi32(low_results, high_results),
          .recompute = _mm256_packs_epi32(low_recompute, high_recompute)};
}

FRAMERING_AVX2_INLINE Quotients finish_lanes(FinishKind kind, const ShrinkPlan& plan, std::size_t y,
                                             const std::uint16_t* const* sums,
                                             const std::int16_t* weights, std::size_t lane) {
  switch (kind) {
    case FinishKind::two_fifths_by_200:
      return finish_by_200(sums, weights, lane);
    case FinishKind::halves:
      return finish_halves(sums, lane);
    case FinishKind::any:
      break;
  }
  return finish_any(plan, y, sums, weights, lane);
}

// The targets of the four groups of two ColumnGroups, in the order in which packing leaves them in
// the quarters of a register.
struct Quarters {
  std::uint32_t target[4];
};

FRAMERING_AVX2_INLINE void store_quarters(__m256i bytes, const Quarters& quarters,
                                          std::uint8_t* out) {
  const __m128i low = _mm256_castsi256_si128(bytes);
  const __m128i high = _mm256_extracti128_si256(bytes, 1);
  // In the order of their targets: a group of fewer than eight values writes zeros past its end,
  // and the next group overwrites them.
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out + quarters.target[0]), low);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out + quarters.target[2]), high);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out + quarters.target[1]),
                   _mm_unpackhi_epi64(low, low));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(out + quarters.target[3]),
                   _mm_unpackhi_epi64(high, high));
}

void recompute_values(const ShrinkPlan& plan, std::size_t y, const std::uint8_t* const* rows,
                      const Quarters& quarters, std::uint32_t lanes, std::uint8_t* out) {
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<std::size_t>(__builtin_ctz(lanes));
    const std::size_t value = quarters.target[lane / 8] + lane % 8;
    // Lanes beyond a group's values hold zeros, which are never near a half.
    out[value] = floating_value(plan, y, value, rows);
  }
}

FRAMERING_AVX2_INLINE void finish_row(const ShrinkPlan& plan, std::size_t y,
                                      const std::uint8_t* const* rows,
                                      const std::uint16_t* const* sums, FinishKind kind,
                                      std::uint8_t* out) {
  const std::int16_t* weights = plan.rows.weights.data() + plan.rows.spans[y].tap;
  std::uint8_t after[ShrinkKernel::row_slack];
  std::memcpy(after, out + plan.target_values(), sizeof after);

  const ColumnGroups* groups = plan.column_groups.data();
  for (std::size_t pair = 0; pair < plan.column_groups.size(); pair += 2, groups += 2) {
    const std::size_t lane = pair * 16;
    const Quotients a = finish_lanes(kind, plan, y, sums, weights, lane);
    const Quotients b = finish_lanes(kind, plan, y, sums, weights, lane + 16);
    const Quarters quarters{
        {groups[0].target[0], groups[1].target[0], groups[0].target[1], groups[1].target[1]}};
    store_quarters(_mm256_packus_epi16(a.results, b.results), quarters, out);
    const auto recompute = static_cast<std::uint32_t>(
        _mm256_movemask_epi8(_mm256_packs_epi16(a.recompute, b.recompute)));
    if (recompute != 0) [[unlikely]] {
      recompute_values(plan, y, rows, quarters, recompute, out);
    }
  }
  std::memcpy(out + plan.target_values(), after, sizeof after);
}

}  // namespace

FRAMERING_AVX2 void sum_columns_avx2(const ShrinkPlan& plan, const std::uint8_t* row,
                                     std::uint16_t* sums) {
  const bool two_taps = plan.columns.max_taps <= 2;
  for (const ColumnGroups& groups : plan.column_groups) {
    const __m256i values = load_halves(row + groups.source[0], row + groups.source[1]);
    __m256i sum = _mm256_maddubs_epi16(_mm256_shuffle_epi8(values, load(groups.first_taps.data())),
                                       load(groups.first_weights.data()));
    if (!two_taps) {
      const __m256i last = _mm256_shuffle_epi8(values, load(groups.last_taps.data()));
      sum = _mm256_add_epi16(sum, _mm256_maddubs_epi16(last, load(groups.last_weights.data())));
    }
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), sum);
    sums += 16;
  }
}

FRAMERING_AVX2 void finish_halved_plane_avx2(const ShrinkPlan& plan, std::size_t /*y*/,
                                             const std::uint8_t* const* rows,
                                             const std::uint16_t* const* /*sums*/,
                                             ShrinkScratch& /*scratch*/, std::uint8_t* out) {
  constexpr std::size_t lanes = 32;
  const std::size_t values = plan.target_values();
  for (std::size_t begin = 0; begin < values; begin += lanes) {
    // The last 32 values are computed together, even where some were computed before.
    const std::size_t i = begin + lanes <= values ? begin : values - lanes;
    // Packing works within each half of its registers, so the quarters must be reordered.
    const __m256i quarters = _mm256_packus_epi16(halve(rows, 2 * i), halve(rows, 2 * i + lanes));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i),
                        _mm256_permute4x64_epi64(quarters, 0b11'01'10'00));
  }
}

FRAMERING_AVX2 void finish_row_avx2(const ShrinkPlan& plan, std::size_t y,
                                    const std::uint8_t* const* rows,
                                    const std::uint16_t* const* sums, ShrinkScratch& /*scratch*/,
                                    std::uint8_t* out) {
  // A constant argument for each case removes the branch on it from the loop.
  switch (plan.finish) {
    case FinishKind::two_fifths_by_200:
      return finish_row(plan, y, rows, sums, FinishKind::two_fifths_by_200, out);
    case FinishKind::halves:
      return finish_row(plan, y, rows, sums, FinishKind::halves, out);
    case FinishKind::any:
      return finish_row(plan, y, rows, sums, FinishKind::any, out);
  }
}

}  // namespace framering::frame

// NOLINTEND(portability-simd-intrinsics)
