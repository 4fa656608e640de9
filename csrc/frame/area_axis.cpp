#include "frame/area_axis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace framering::frame {

AreaAxis area_axis(int source_size, int target_size) {
  AreaAxis axis{.source_size = source_size, .target_size = target_size};
  // OpenCV inverts the inverse ratio instead of dividing source by target. The two differ in the
  // last bit: 1 / (1 / 49) is not a whole number.
  axis.scale = 1.0 / (static_cast<double>(target_size) / source_size);
  const auto nearest = static_cast<int>(std::lrint(axis.scale));
  if (std::abs(axis.scale - nearest) < std::numeric_limits<double>::epsilon()) {
    axis.whole_ratio = nearest;
  }
  return axis;
}

std::vector<AreaTap> area_taps(const AreaAxis& axis) {
  // OpenCV ignores a source pixel that is covered by less than this.
  constexpr double min_coverage = 1e-3;
  std::vector<AreaTap> taps;
  for (int target = 0; target < axis.target_size; ++target) {
    const double begin = target * axis.scale;
    const double end = begin + axis.scale;
    const double cell = std::min(axis.scale, axis.source_size - begin);
    const int last = std::min(static_cast<int>(std::floor(end)), axis.source_size - 1);
    const int first = std::min(static_cast<int>(std::ceil(begin)), last);

    if (first - begin > min_coverage) {
      taps.push_back({.target = target,
                      .source = first - 1,
                      .weight = static_cast<float>((first - begin) / cell)});
    }
    for (int source = first; source < last; ++source) {
      taps.push_back(
          {.target = target, .source = source, .weight = static_cast<float>(1.0 / cell)});
    }
    if (end - last > min_coverage) {
      const double covered = std::min({end - last, 1.0, cell});
      taps.push_back(
          {.target = target, .source = last, .weight = static_cast<float>(covered / cell)});
    }
  }
  return taps;
}

}  // namespace framering::frame
