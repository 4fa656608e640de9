// Shrink in plain C++. Rows are weighted and added first: compilers vectorise those loops on every
// architecture, and they leave fewer values from which to gather columns.
#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "frame/shrink_kernel.hpp"

namespace framering::frame {

namespace {

void sum_rows(const ShrinkPlan& plan, std::size_t y, const std::uint8_t* const* rows,
              std::uint16_t* weighted) {
  const std::size_t values = plan.source_values();
  const std::size_t count = plan.rows.spans[y].count;
  const std::int16_t* weights = plan.rows.weights.data() + plan.rows.spans[y].tap;
  const auto weight = [&](std::size_t row) { return static_cast<unsigned>(weights[row]); };

  const std::uint8_t* first = rows[0];
  const unsigned first_weight = weight(0);
  for (std::size_t i = 0; i < values; ++i) {
    weighted[i] = static_cast<std::uint16_t>(first_weight * first[i]);
  }
  std::size_t row = 1;
  for (; row + 1 < count; row += 2) {
    const std::uint8_t* a = rows[row];
    const std::uint8_t* b = rows[row + 1];
    const unsigned a_weight = weight(row);
    const unsigned b_weight = weight(row + 1);
    for (std::size_t i = 0; i < values; ++i) {
      weighted[i] = static_cast<std::uint16_t>(weighted[i] + a_weight * a[i] + b_weight * b[i]);
    }
  }
  if (row < count) {
    const std::uint8_t* a = rows[row];
    const unsigned a_weight = weight(row);
    for (std::size_t i = 0; i < values; ++i) {
      weighted[i] = static_cast<std::uint16_t>(weighted[i] + a_weight * a[i]);
    }
  }
}

template <std::size_t taps>
void gather_padded(const ShrinkPlan& plan, const std::uint16_t* weighted,
                   std::int32_t* numerators) {
  const std::size_t values = plan.target_values();
  const std::size_t channels = plan.channels;
  const std::uint32_t* first = plan.padded_columns.first.data();
  const std::int32_t* weights = plan.padded_columns.weights.data();
  for (std::size_t i = 0; i < values; ++i, weights += taps) {
    const std::uint16_t* source = weighted + first[i];
    std::int32_t sum = 0;
    for (std::size_t tap = 0; tap < taps; ++tap) {
      sum += weights[tap] * source[tap * channels];
    }
    numerators[i] = sum;
  }
}

void gather_any(const ShrinkPlan& plan, const std::uint16_t* weighted, std::int32_t* numerators) {
  const std::size_t channels = plan.channels;
  for (const TapSpan& span : plan.columns.spans) {
    const std::int16_t* weights = plan.columns.weights.data() + span.tap;
    const std::uint16_t* source = weighted + span.source * channels;
    for (std::size_t channel = 0; channel < channels; ++channel) {
      std::int32_t sum = 0;
      for (std::size_t tap = 0; tap < span.count; ++tap) {
        sum += std::int32_t{weights[tap]} * source[tap * channels + channel];
      }
      *numerators++ = sum;
    }
  }
}

void gather_columns(const ShrinkPlan& plan, const std::uint16_t* weighted,
                    std::int32_t* numerators) {
  switch (plan.padded_columns.taps) {
    case 1:
      return gather_padded<1>(plan, weighted, numerators);
    case 2:
      return gather_padded<2>(plan, weighted, numerators);
    case 3:
      return gather_padded<3>(plan, weighted, numerators);
    case 4:
      return gather_padded<4>(plan, weighted, numerators);
    default:
      return gather_any(plan, weighted, numerators);
  }
}

// Returns whether any value must be computed again.
bool divide(const ShrinkPlan& plan, const std::int32_t* numerators, std::uint8_t* out) {
  // Local copies: a store through a byte pointer may alias the plan, so the compiler would load its
  // members again after every store.
  const std::size_t values = plan.target_values();
  const std::int32_t denominator = plan.denominator;
  const float inverse = plan.inverse;
  const float bias = plan.bias;
  std::int32_t max_rest = 0;
  for (std::size_t i = 0; i < values; ++i) {
    const std::int32_t result =
        round_half_to_even(static_cast<float>(numerators[i]) * inverse + bias);
    out[i] = static_cast<std::uint8_t>(result);
    const std::int32_t rest = 2 * (numerators[i] - denominator * result);
    max_rest = std::max(max_rest, rest < 0 ? -rest : rest);
  }
  return max_rest >= plan.recompute_from;
}

void finish_row_integer(const ShrinkPlan& plan, std::size_t y, const std::uint8_t* const* rows,
                        const std::uint16_t* const* /*sums*/, ShrinkScratch& scratch,
                        std::uint8_t* out) {
  sum_rows(plan, y, rows, scratch.weighted.data());
  const std::int32_t* numerators = scratch.numerators.data();
  gather_columns(plan, scratch.weighted.data(), scratch.numerators.data());
  if (!divide(plan, numerators, out)) {
    return;
  }
  for (std::size_t i = 0; i < plan.target_values(); ++i) {
    if (std::abs(2 * (numerators[i] - plan.denominator * out[i])) >= plan.recompute_from) {
      out[i] = floating_value(plan, y, i, rows);
    }
  }
}

void finish_row_floating(const ShrinkPlan& plan, std::size_t y, const std::uint8_t* const* rows,
                         const std::uint16_t* const* /*sums*/, ShrinkScratch& /*scratch*/,
                         std::uint8_t* out) {
  for (std::size_t i = 0; i < plan.target_values(); ++i) {
    out[i] = floating_value(plan, y, i, rows);
  }
}

// For whole ratios whose sums of rows do not fit in 16 bits.
void finish_row_whole(const ShrinkPlan& plan, std::size_t /*y*/, const std::uint8_t* const* rows,
                      const std::uint16_t* const* /*sums*/, ShrinkScratch& /*scratch*/,
                      std::uint8_t* out) {
  const auto down = static_cast<std::size_t>(plan.rows.axis.whole_ratio);
  const auto across = static_cast<std::size_t>(plan.columns.axis.whole_ratio);
  const float inverse = 1.0F / static_cast<float>(down * across);
  for (std::size_t i = 0; i < plan.target_values(); ++i) {
    const std::size_t first = i / plan.channels * across * plan.channels + i % plan.channels;
    int sum = 0;
    for (std::size_t row = 0; row < down; ++row) {
      for (std::size_t column = 0; column < across; ++column) {
        sum += rows[row][first + column * plan.channels];
      }
    }
    const float mean = static_cast<float>(sum) * inverse;
    out[i] = static_cast<std::uint8_t>(std::clamp(std::lrint(mean), 0L, 255L));
  }
}

}  // namespace

ShrinkKernel shrink_kernel(const ShrinkPlan& plan, system::CpuPath path) {
#if FRAMERING_X86_KERNELS
  if (includes(path, system::CpuPath::avx2) && plan.finish == FinishKind::halves &&
      plan.channels == 1 && plan.target_values() >= 32) {
    return {.sum_columns = nullptr, .finish_row = &finish_halved_plane_avx2};
  }
  if (includes(path, system::CpuPath::avx2) && !plan.column_groups.empty()) {
    return {.sum_columns = &sum_columns_avx2, .finish_row = &finish_row_avx2};
  }
#else
  static_cast<void>(path);
#endif
  if (plan.arithmetic == ShrinkArithmetic::integer) {
    return {.sum_columns = nullptr, .finish_row = &finish_row_integer};
  }
  return {.sum_columns = nullptr,
          .finish_row = plan.whole_ratios ? &finish_row_whole : &finish_row_floating};
}

ShrinkScratch shrink_scratch(const ShrinkPlan& plan) {
  return {.weighted = std::vector<std::uint16_t>(plan.source_values()),
          .numerators = std::vector<std::int32_t>(plan.target_values())};
}

}  // namespace framering::frame
