// The inner loops of a shrink (see shrink_plan.hpp), one source row and one target row at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "frame/shrink_plan.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// Working memory of finish_row; each thread or preprocessor has its own.
struct ShrinkScratch {
  std::vector<std::uint16_t> weighted;
  std::vector<std::int32_t> numerators;
};

struct ShrinkKernel {
  // finish_row may write up to this many bytes past the end of its row; it restores their values.
  static constexpr std::size_t row_slack = 8;

  // Computes the weighted sum of each target value's columns in one source row. Null where
  // finish_row does not need these sums.
  void (*sum_columns)(const ShrinkPlan& plan, const std::uint8_t* row, std::uint16_t* sums);

  // Computes target row y from its source rows and, where there is a sum_columns, from their sums.
  void (*finish_row)(const ShrinkPlan& plan, std::size_t y, const std::uint8_t* const* rows,
                     const std::uint16_t* const* sums, ShrinkScratch& scratch, std::uint8_t* out);

  // The number of sums of a source row.
  [[nodiscard]] std::size_t sums_count(const ShrinkPlan& plan) const {
    return sum_columns == nullptr ? 0 : plan.column_groups.size() * 16;
  }
};

// The fastest kernel of this path that supports the plan.
ShrinkKernel shrink_kernel(const ShrinkPlan& plan, system::CpuPath path);

ShrinkScratch shrink_scratch(const ShrinkPlan& plan);

// The kernels of shrink_avx2.cpp, for processors with AVX2. For FinishKind::halves, one channel and
// target rows of 32 values or more:
void finish_halved_plane_avx2(const ShrinkPlan& plan, std::size_t y,
                              const std::uint8_t* const* rows, const std::uint16_t* const* sums,
                              ShrinkScratch& scratch, std::uint8_t* out);
// For plans with column groups:
void sum_columns_avx2(const ShrinkPlan& plan, const std::uint8_t* row, std::uint16_t* sums);
void finish_row_avx2(const ShrinkPlan& plan, std::size_t y, const std::uint8_t* const* rows,
                     const std::uint16_t* const* sums, ShrinkScratch& scratch, std::uint8_t* out);

}  // namespace framering::frame
