// Which instruction-set paths this processor can run, and which one the kernels take.
#pragma once

#include <cstdint>
#include <string>

namespace framering::system {

struct CpuFeatures {
  bool avx2 = false;
  bool neon = false;
};

// Read once, at first use.
const CpuFeatures& cpu_features();

// The portable path is plain C++ for the architecture's baseline; compilers vectorise it there.
enum class CpuPath : std::uint8_t { portable, avx2 };

const char* name(CpuPath path);

// The path for this wish: "" means the fastest that `features` allow. Throws std::invalid_argument
// for a name that is no path, or for a path that the processor cannot run.
CpuPath choose_path(const std::string& wish, const CpuFeatures& features);

// choose_path of the environment variable FRAMERING_CPU, read once, at first use.
CpuPath cpu_path();

}  // namespace framering::system
