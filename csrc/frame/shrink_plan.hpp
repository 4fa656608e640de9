// Everything about an area shrink that depends on its sizes alone: worked out once, then used for
// every image.
//
// The integer arithmetic, and why it gives OpenCV's bytes. In units of the reduced ratios every
// weight is a whole number: a target pixel is N / D with N = sum(row units * column units * value)
// and D = row denominator * column denominator, an exact rational. OpenCV computes the same sum in
// float32 with some number k of roundings, each of relative error at most u = 2^-24, and all terms
// are positive, so it is off by less than 255 * k * u. Rounded to a byte, both agree unless N / D
// is within that distance of a half; those pixels alone are done again in OpenCV's float order. For
// 210x160 -> 84x84, D is 200, two halves are at least 1/200 from any other value, and k is 8: only
// exact ties are done again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "frame/area_axis.hpp"
#include "frame/shape.hpp"

namespace framering::frame {

// A target's taps, `count` of them from `tap` on; their sources are consecutive from `source` on.
struct TapSpan {
  std::uint32_t tap;
  std::uint32_t count;
  std::uint32_t source;
};

// The taps of one axis.
struct AxisTaps {
  AreaAxis axis;
  std::vector<AreaTap> taps;
  std::vector<TapSpan> spans;  // of each target
  std::size_t most = 0;        // taps of any target
  // The same weights as whole numbers that sum to the denominator, unless that is 0: a ratio whose
  // whole numbers do not match OpenCV's taps, because OpenCV drops a sliver.
  std::vector<std::int16_t> units;
  int denominator = 0;
};

// The columns of every target value with equally many taps, the missing ones with units of 0: loops
// of constant length. `first` is in source values; `units` has `taps` entries for each target
// value.
struct PaddedColumns {
  std::size_t taps = 0;
  std::vector<std::uint32_t> first;
  std::vector<std::int32_t> units;
};

// Two groups of up to eight neighbouring target values, one in each half of an AVX2 register: each
// half loads 16 bytes at `source`, spreads the first and second, then the third and fourth tap of
// every value into byte pairs, and multiplies them by their units.
struct alignas(32) ColumnGroups {
  std::array<std::uint8_t, 32> first_taps;
  std::array<std::int8_t, 32> first_units;
  std::array<std::uint8_t, 32> last_taps;
  std::array<std::int8_t, 32> last_units;
  std::array<std::uint32_t, 2> source;
  std::array<std::uint32_t, 2> target;
};

enum class ShrinkArithmetic : std::uint8_t { integer, floating };

// Shrinks of integer arithmetic whose target rows are finished in a way of their own.
enum class FinishKind : std::uint8_t {
  any,
  // As 210x160 -> 84x84: D is 200, every target row has three source rows with units 2, 2, 1 or
  // 1, 2, 2, and only exact ties are done again.
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
  // OpenCV sums whole ratios in integers and rounds once: as here, so nothing is done again.
  bool whole_ratios = false;
  int denominator = 0;
  float inverse = 0.0F;
  // Rounding is half to even; for FinishKind::halves this makes it half up.
  float bias = 0.0F;
  // A pixel is done again if |2 * (N - D * result)| reaches this.
  int redo_from = 0;

  FinishKind finish = FinishKind::any;
  // Empty where a target has more than four columns.
  PaddedColumns padded_columns;
  // Empty where the columns do not suit it: see ColumnGroups.
  std::vector<ColumnGroups> column_groups;

  [[nodiscard]] std::size_t source_values() const {
    return static_cast<std::size_t>(from.width) * channels;
  }
  [[nodiscard]] std::size_t target_values() const {
    return static_cast<std::size_t>(to.width) * channels;
  }
};

// Needs a shrink: no axis of `to` longer than `from`'s, each 1 or more, and at least one channel.
ShrinkPlan plan_shrink(Shape from, Shape to, std::size_t channels);

// Halves to even, as lrint, for what is a byte in the end; but compilers inline and vectorise it.
inline std::int32_t round_half_to_even(float value) {
  constexpr float shift = 12582912.0F;  // 1.5 * 2^23: a float this large has no fraction
  return static_cast<std::int32_t>((value + shift) - shift);
}

// One value of the result in OpenCV's own order of float operations. `rows` are the source rows of
// target row y, in order.
std::uint8_t floating_value(const ShrinkPlan& plan, std::size_t y, std::size_t target_value,
                            const std::uint8_t* const* rows);

}  // namespace framering::frame
