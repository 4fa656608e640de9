// One axis of OpenCV's INTER_AREA shrink: which source pixels make up each target pixel, with which
// weights. The arithmetic follows OpenCV's definition step by step, because its rounding shows in
// the last bit of the result.
#pragma once

#include <vector>

namespace framering::frame {

struct AreaTap {
  int target;
  int source;
  float weight;
};

struct AreaAxis {
  int source_size = 0;
  int target_size = 0;
  double scale = 0.0;
  // The ratio, where it is a whole number to within a double's epsilon; else 0.
  int whole_ratio = 0;
};

// Needs source_size >= target_size >= 1.
AreaAxis area_axis(int source_size, int target_size);

// In OpenCV's order: by target, then by source. The order of accumulation is part of the result.
std::vector<AreaTap> area_taps(const AreaAxis& axis);

}  // namespace framering::frame
