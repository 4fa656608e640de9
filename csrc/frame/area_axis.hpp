// One axis of a resize with OpenCV's INTER_AREA to a smaller size: the source pixels of each target
// pixel and their weights. The arithmetic follows OpenCV step by step, because its rounding decides
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
  // The ratio where it is a whole number to within a double's epsilon, else 0.
  int whole_ratio = 0;
};

// Requires source_size >= target_size >= 1.
AreaAxis area_axis(int source_size, int target_size);

// In OpenCV's order: by target, then by source. The result depends on the order of accumulation.
std::vector<AreaTap> area_taps(const AreaAxis& axis);

}  // namespace framering::frame
