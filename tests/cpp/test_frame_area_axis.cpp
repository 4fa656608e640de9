#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

#include "frame/area_axis.hpp"

using framering::frame::area_axis;
using framering::frame::area_taps;
using framering::frame::AreaTap;

TEST_CASE("five rows to two have weights of two, two and one fifths") {
  const std::vector<AreaTap> taps = area_taps(area_axis(5, 2));
  REQUIRE(taps.size() == 6);
  const float weights[] = {0.4F, 0.4F, 0.2F, 0.2F, 0.4F, 0.4F};
  const int sources[] = {0, 1, 2, 2, 3, 4};
  for (std::size_t i = 0; i < taps.size(); ++i) {
    CHECK(taps[i].target == static_cast<int>(i / 3));
    CHECK(taps[i].source == sources[i]);
    CHECK(taps[i].weight == weights[i]);
  }
}

TEST_CASE("every source pixel has a weight, and the weights of a target sum to one") {
  for (int source = 1; source <= 60; ++source) {
    for (int target = 1; target <= source; ++target) {
      CAPTURE(source);
      CAPTURE(target);
      std::vector<double> sums(static_cast<std::size_t>(target), 0.0);
      int next = 0;
      for (const AreaTap& tap : area_taps(area_axis(source, target))) {
        CHECK(tap.source <= next);
        next = tap.source + 1;
        sums[static_cast<std::size_t>(tap.target)] += static_cast<double>(tap.weight);
      }
      CHECK(next == source);
      for (const double sum : sums) {
        CHECK(sum == doctest::Approx(1.0).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("a ratio is whole only if its double inverse is") {
  CHECK(area_axis(160, 80).whole_ratio == 2);
  CHECK(area_axis(160, 160).whole_ratio == 1);
  CHECK(area_axis(160, 84).whole_ratio == 0);
  CHECK(area_axis(49, 1).whole_ratio == 0);
}
