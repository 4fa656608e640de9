// The instruction sets of this processor, and the code path that the kernels use.
#pragma once

#include <cstdint>
#include <string>

namespace framering::system {

// Those of this processor that this build has kernels for.
struct CpuFeatures {
  bool avx2 = false;
  bool avx512 = false;  // its parts F, BW, DQ and VL
  bool neon = false;
};

// Detected once, at the first call.
const CpuFeatures& cpu_features();

// The portable path is plain C++ for the architecture's baseline, which compilers vectorise. Each
// path may use all that those before it use: kernels without a version of their own for avx512 take
// the one for avx2.
enum class CpuPath : std::uint8_t { portable, avx2, avx512 };

inline bool includes(CpuPath path, CpuPath part) { return path >= part; }

const char* name(CpuPath path);

// The path with the requested name; "" requests the fastest that `features` allow. Throws
// std::invalid_argument for an unknown name, or for a path that `features` do not allow.
CpuPath choose_path(const std::string& requested, const CpuFeatures& features);

// choose_path of the environment variable FRAMERING_CPU, which is read once, at the first call.
CpuPath cpu_path();

}  // namespace framering::system
