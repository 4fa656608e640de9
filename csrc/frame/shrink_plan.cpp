#include "frame/shrink_plan.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace framering::frame {

namespace {

// The largest denominator for which a sum of weighted bytes is exact in a float.
constexpr int largest_exact_denominator = 16'777'216 / 255;
// The largest denominator for which a sum of weighted rows fits in 16 bits.
constexpr int largest_row_denominator = 65535 / 255;
// The largest denominator for which a sum of weighted columns fits in a signed 16-bit lane.
constexpr int largest_column_group_denominator = 32767 / 255;

// Computes the weights as whole numbers: the overlaps of source and target pixels, measured in
// 1 / target_size of a source pixel (after reducing the ratio).
void find_integer_weights(AxisTaps& axis_taps) {
  const AreaAxis& axis = axis_taps.axis;
  const int divisor = std::gcd(axis.source_size, axis.target_size);
  const int target_length = axis.source_size / divisor;
  const int source_length = axis.target_size / divisor;
  if (target_length > std::numeric_limits<std::int16_t>::max()) {
    return;
  }
  std::vector<std::int16_t> weights;
  for (std::size_t target = 0; target < axis_taps.spans.size(); ++target) {
    const auto begin = static_cast<std::int64_t>(target) * target_length;
    const TapSpan& span = axis_taps.spans[target];
    std::int64_t total = 0;
    for (std::uint32_t i = 0; i < span.count; ++i) {
      const std::int64_t source = std::int64_t{span.source + i} * source_length;
      const std::int64_t overlap =
          std::min(source + source_length, begin + target_length) - std::max(source, begin);
      if (overlap <= 0) {
        return;
      }
      weights.push_back(static_cast<std::int16_t>(overlap));
      total += overlap;
    }
    if (total != target_length) {
      return;
    }
  }
  axis_taps.weights = std::move(weights);
  axis_taps.denominator = target_length;
}

AxisTaps axis_taps_of(int source_size, int target_size) {
  AxisTaps axis_taps;
  axis_taps.axis = area_axis(source_size, target_size);
  axis_taps.taps = area_taps(axis_taps.axis);
  for (std::size_t i = 0; i < axis_taps.taps.size(); ++i) {
    const AreaTap& tap = axis_taps.taps[i];
    if (axis_taps.spans.size() == static_cast<std::size_t>(tap.target)) {
      axis_taps.spans.push_back({.tap = static_cast<std::uint32_t>(i),
                                 .count = 0,
                                 .source = static_cast<std::uint32_t>(tap.source)});
    }
    axis_taps.max_taps = std::max<std::size_t>(axis_taps.max_taps, ++axis_taps.spans.back().count);
  }
  find_integer_weights(axis_taps);
  return axis_taps;
}

void choose_arithmetic(ShrinkPlan& plan) {
  const auto denominator = std::int64_t{plan.rows.denominator} * plan.columns.denominator;
  if (denominator == 0 || denominator > largest_exact_denominator ||
      plan.rows.denominator > largest_row_denominator) {
    return;
  }
  plan.arithmetic = ShrinkArithmetic::integer;
  plan.denominator = static_cast<int>(denominator);
  plan.inverse = 1.0F / static_cast<float>(plan.denominator);
  if (plan.whole_ratios) {
    const bool halves_up = plan.rows.axis.whole_ratio == 2 && plan.columns.axis.whole_ratio == 2 &&
                           plan.channels != 2 && plan.channels <= 4;
    if (halves_up) {
      plan.finish = FinishKind::halves;
      plan.bias = 0.125F;
    }
    plan.recompute_from = std::numeric_limits<int>::max();
    return;
  }
  // Each axis rounds once for the weight, once for the product, and once for each further tap.
  const auto roundings = static_cast<double>(plan.rows.max_taps + plan.columns.max_taps + 2);
  const double error =
      255.0 * roundings * std::ldexp(1.0, -24) * 1.01;  // 1 % for terms of second order
  plan.recompute_from =
      plan.denominator - static_cast<int>(std::floor(2.0 * error * plan.denominator));
  if (plan.denominator == 200 && plan.rows.denominator == 5 && plan.rows.weights.front() == 2 &&
      plan.recompute_from == 200) {
    plan.finish = FinishKind::two_fifths_by_200;
  }
}

// The position of one target value's taps, counted in source values.
struct ValueTaps {
  std::size_t first;
  std::size_t last;
  std::size_t tap;
  std::size_t count;
};

ValueTaps value_taps(const ShrinkPlan& plan, std::size_t value) {
  const TapSpan& span = plan.columns.spans[value / plan.channels];
  const std::size_t first = span.source * plan.channels + value % plan.channels;
  return {.first = first,
          .last = first + (span.count - 1) * plan.channels,
          .tap = span.tap,
          .count = span.count};
}

void pad_columns(ShrinkPlan& plan) {
  const std::size_t taps = plan.columns.max_taps;
  if (plan.arithmetic != ShrinkArithmetic::integer || taps > 4) {
    return;
  }
  PaddedColumns& padded = plan.padded_columns;
  padded.taps = taps;
  padded.weights.assign(plan.target_values() * taps, 0);
  for (std::size_t value = 0; value < plan.target_values(); ++value) {
    const ValueTaps span = value_taps(plan, value);
    // At the right edge the padding precedes the taps, so that it lies inside the row.
    const std::size_t last_start =
        (static_cast<std::size_t>(plan.from.width) - taps) * plan.channels + value % plan.channels;
    const std::size_t first = std::min(span.first, last_start);
    const std::size_t skipped = (span.first - first) / plan.channels;
    padded.first.push_back(static_cast<std::uint32_t>(first));
    std::copy_n(plan.columns.weights.data() + span.tap, span.count,
                padded.weights.data() + value * taps + skipped);
  }
}

void fill_half(const ShrinkPlan& plan, ColumnGroups& groups, std::size_t half, std::size_t begin,
               std::size_t end, std::size_t source) {
  groups.source[half] = static_cast<std::uint32_t>(source);
  groups.target[half] = static_cast<std::uint32_t>(begin);
  for (std::size_t value = begin; value < end; ++value) {
    const ValueTaps taps = value_taps(plan, value);
    for (std::size_t i = 0; i < taps.count; ++i) {
      const std::size_t lane = half * 16 + (value - begin) * 2 + i % 2;
      auto& select = i < 2 ? groups.first_taps : groups.last_taps;
      auto& weights = i < 2 ? groups.first_weights : groups.last_weights;
      select[lane] = static_cast<std::uint8_t>(taps.first + i * plan.channels - source);
      weights[lane] = static_cast<std::int8_t>(plan.columns.weights[taps.tap + i]);
    }
  }
}

void group_columns(ShrinkPlan& plan) {
  constexpr std::size_t loaded = 16;
  constexpr std::size_t lanes = 8;
  if (plan.arithmetic != ShrinkArithmetic::integer || plan.columns.max_taps > 4 ||
      plan.columns.denominator > largest_column_group_denominator ||
      plan.source_values() < loaded || 3 * plan.channels >= loaded) {
    return;
  }
  ColumnGroups empty{};
  empty.target.fill(static_cast<std::uint32_t>(plan.target_values()));
  std::size_t groups = 0;
  for (std::size_t begin = 0; begin < plan.target_values(); ++groups) {
    const std::size_t source =
        std::min(value_taps(plan, begin).first, plan.source_values() - loaded);
    std::size_t end = begin;
    while (end < plan.target_values() && end - begin < lanes &&
           value_taps(plan, end).last < source + loaded && value_taps(plan, end).first >= source) {
      ++end;
    }
    if (groups % 2 == 0) {
      plan.column_groups.push_back(empty);
    }
    fill_half(plan, plan.column_groups.back(), groups % 2, begin, end, source);
    begin = end;
  }
  // The kernel processes two ColumnGroups at a time.
  if (plan.column_groups.size() % 2 != 0) {
    plan.column_groups.push_back(empty);
  }
}

}  // namespace

ShrinkPlan plan_shrink(Shape from, Shape to, std::size_t channels) {
  ShrinkPlan plan;
  plan.from = from;
  plan.to = to;
  plan.channels = channels;
  plan.rows = axis_taps_of(from.height, to.height);
  plan.columns = axis_taps_of(from.width, to.width);
  plan.whole_ratios = plan.rows.axis.whole_ratio != 0 && plan.columns.axis.whole_ratio != 0;
  choose_arithmetic(plan);
  pad_columns(plan);
  group_columns(plan);
  return plan;
}

std::uint8_t floating_value(const ShrinkPlan& plan, std::size_t y, std::size_t target_value,
                            const std::uint8_t* const* rows) {
  const ValueTaps taps = value_taps(plan, target_value);
  const AreaTap* across = plan.columns.taps.data() + taps.tap;
  const TapSpan& span = plan.rows.spans[y];
  const AreaTap* down = plan.rows.taps.data() + span.tap;
  float sum = 0.0F;
  for (std::size_t i = 0; i < span.count; ++i) {
    const std::uint8_t* source = rows[i] + taps.first;
    float row = 0.0F;
    for (std::size_t tap = 0; tap < taps.count; ++tap, source += plan.channels) {
      row += static_cast<float>(*source) * across[tap].weight;
    }
    sum += down[i].weight * row;
  }
  // The rounding errors of very many weights can bring their sum well above one.
  return static_cast<std::uint8_t>(std::min(round_half_to_even(sum), 255));
}

}  // namespace framering::frame
