// The plan of a resize with INTER_AREA to a smaller size ("shrink"): all that depends on the sizes
// alone. It is computed once and used for every image.
//
// Why the integer arithmetic gives OpenCV's bytes: scaled by the denominators of the reduced
// ratios, every weight is a whole number. A target pixel is exactly N / D, with N = sum(row weight
// * column weight * value) and D = row denominator * column denominator. OpenCV computes the same
// sum in float32 with some number k of roundings, each of relative error at most u = 2^-24. All
// terms are positive, so its error is below 255 * k * u. Rounded to a byte, both results agree
// unless N / D is within that distance of a half. Only those pixels are computed again, in OpenCV's
// order of float operations. For 210x160 -> 84x84, D is 200, so a value that is not a half is at
// least 1/200 away from one, and k is 8: only exact ties are computed again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "frame/area_axis.hpp"
#include "frame/shape.hpp"

namespace framering::frame {

// The taps of one target: `count` taps from index `tap`, with consecutive sources from `source`.
struct TapSpan {
  std::uint32_t tap;
  std::uint32_t count;
  std::uint32_t source;
};

// The taps of one axis.
struct AxisTaps {
  AreaAxis axis;
  std::vector<AreaTap> taps;
  std::vector<TapSpan> spans;  // one for each target
  std::size_t max_taps = 0;    // the largest count of any target
  // The weights of `taps` as whole numbers; those of a target sum to the denominator. The
  // denominator is 0 where they do not match OpenCV's taps, because OpenCV ignores a source pixel.
  std::vector<std::int16_t> weights;
  int denominator = 0;
};

// The columns of every target value, padded with weights of 0 to the same number of taps, so that
// loops have a constant length. `first` counts source values; `weights` has `taps` entries for each
// target value.
struct PaddedColumns {
  std::size_t taps = 0;
  std::vector<std::uint32_t> first;
  std::vector<std::int32_t> weights;
};

// Two groups of up to eight neighbouring target values, one in each half of an AVX2 register. Each
// half loads 16 bytes at `source`, shuffles the first and second, then the third and fourth tap of
// every value into pairs of bytes, and multiplies them by their weights.
struct alignas(32) ColumnGroups {
  std::array<std::uint8_t, 32> first_taps;
  std::array<std::int8_t, 32> first_weights;
  std::array<std::uint8_t, 32> last_taps;
  std::array<std::int8_t, 32> last_weights;
  std::array<std::uint32_t, 2> source;
  std::array<std::uint32_t, 2> target;
};

enum class ShrinkArithmetic : std::uint8_t { integer, floating };

// Cases of the integer arithmetic that have a faster way to compute a target row.
enum class FinishKind : std::uint8_t {
  any,
  // Such as 210x160 -> 84x84: D is 200, every target row has three source rows with weights 2, 2, 1
  // or 1, 2, 2, and only exact ties are computed again.
  two_fifths_by_200,
  // OpenCV's 2x2 average, which rounds halves up.
  halves,
};

struct ShrinkPlan {
  Shape from;
  Shape to;
  std::size_t channels = 1;
  AxisTaps rows;
  AxisTaps columns;

  ShrinkArithmetic arithmetic = ShrinkArithmetic::floating;
  // Both ratios are whole. OpenCV then sums in integers and rounds once, as here, so nothing is
  // computed again.
  bool whole_ratios = false;
  int denominator = 0;
  float inverse = 0.0F;
  // Rounding is half to even; for FinishKind::halves this bias makes it half up.
  float bias = 0.0F;
  // A pixel is computed again if |2 * (N - D * result)| reaches this.
  int recompute_from = 0;

  FinishKind finish = FinishKind::any;
  // Empty where a target has more than four columns.
  PaddedColumns padded_columns;
  // Empty where the columns do not fit the layout of ColumnGroups.
  std::vector<ColumnGroups> column_groups;

  [[nodiscard]] std::size_t source_values() const {
    return static_cast<std::size_t>(from.width) * channels;
  }
  [[nodiscard]] std::size_t target_values() const {
    return static_cast<std::size_t>(to.width) * channels;
  }
};

// Each axis of `to` must be 1 or more and no longer than that of `from`, and there must be at least
// one channel.
ShrinkPlan plan_shrink(Shape from, Shape to, std::size_t channels);

// Rounds half to even, as lrint does, for values of a byte's range; unlike lrint, compilers inline
// and vectorise it.
inline std::int32_t round_half_to_even(float value) {
  constexpr float shift = 12582912.0F;  // 1.5 * 2^23: floats of this size have no fraction
  return static_cast<std::int32_t>((value + shift) - shift);
}

// One value of the result, computed in OpenCV's order of float operations. `rows` are the source
// rows of target row y, in order.
std::uint8_t floating_value(const ShrinkPlan& plan, std::size_t y, std::size_t target_value,
                            const std::uint8_t* const* rows);

}  // namespace framering::frame
