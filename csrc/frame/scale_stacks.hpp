// From stacks of bytes to what a convolution reads: floats in 0 … 1, channels last.
#pragma once

#include <cstddef>
#include <cstdint>

#include "system/cpu_features.hpp"

namespace framering::frame {

// A batch of stacks: rows × stack planes of `pixels` bytes. The planes of a row follow one another;
// the rows begin `row_stride` bytes apart.
struct Stacks {
  const std::uint8_t* bytes = nullptr;
  std::size_t rows = 0;
  std::size_t row_stride = 0;
  std::size_t stack = 0;
  std::size_t pixels = 0;
};

// Fills `out`, (rows, pixels, stack), with byte / 255, rounded as IEEE's division is.
void scale_stacks(const Stacks& stacks, float* out, system::CpuPath path);

// The same for the first pixels of one row of four planes, with AVX2: returns how many it has done,
// all but a few. In scale_stacks_avx2.cpp.
std::size_t scale_four_planes_avx2(const std::uint8_t* planes, std::size_t pixels, float* out);

}  // namespace framering::frame
