// Scaling of uint8 frame stacks to a convolution's input: float32 in [0, 1], channels last.
#pragma once

#include <cstddef>
#include <cstdint>

#include "system/cpu_features.hpp"

namespace framering::frame {

// A batch of stacks: rows × stack planes of `pixels` bytes. The planes of a row are contiguous; the
// rows begin `row_stride` bytes apart.
struct Stacks {
  const std::uint8_t* bytes = nullptr;
  std::size_t rows = 0;
  std::size_t row_stride = 0;
  std::size_t stack = 0;
  std::size_t pixels = 0;
};

// Fills `out`, (rows, pixels, stack), with byte / 255, rounded as an IEEE 754 division.
void scale_stacks(const Stacks& stacks, float* out, system::CpuPath path);

// Scales a multiple of 16 pixels of one row of four planes and returns their number; fewer than 16
// are left. Needs AVX2. In scale_stacks_avx2.cpp.
std::size_t scale_four_planes_avx2(const std::uint8_t* planes, std::size_t pixels, float* out);

}  // namespace framering::frame
