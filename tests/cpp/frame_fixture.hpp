// Images and code paths for the tests of csrc/frame.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "system/cpu_features.hpp"

namespace framering::test {

using Image = std::vector<std::uint8_t>;

inline std::vector<system::CpuPath> paths_of_this_processor() {
  std::vector<system::CpuPath> paths{system::CpuPath::portable};
  if (system::cpu_features().avx2) {
    paths.push_back(system::CpuPath::avx2);
  }
  if (system::cpu_features().avx512) {
    paths.push_back(system::CpuPath::avx512);
  }
  return paths;
}

// Random bytes of `levels` different values. Few levels give many sums that lie exactly between two
// results.
inline Image noise(std::size_t size, std::mt19937& generator, unsigned levels = 256) {
  Image image(size);
  for (std::uint8_t& value : image) {
    value = static_cast<std::uint8_t>(generator() % levels * 255U / (levels - 1));
  }
  return image;
}

}  // namespace framering::test
