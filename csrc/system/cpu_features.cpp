#include "system/cpu_features.hpp"

#include <cstdlib>
#include <stdexcept>
#include <vector>

namespace framering::system {

namespace {

CpuFeatures detect() {
  CpuFeatures found;
#if FRAMERING_X86_KERNELS
  __builtin_cpu_init();
  found.avx2 = __builtin_cpu_supports("avx2") != 0;
  found.avx512 = found.avx2 && __builtin_cpu_supports("avx512f") != 0 &&
                 __builtin_cpu_supports("avx512bw") != 0 &&
                 __builtin_cpu_supports("avx512dq") != 0 && __builtin_cpu_supports("avx512vl") != 0;
#elif FRAMERING_NEON_KERNELS
  found.neon = true;  // part of the architecture's baseline
#endif
  return found;
}

std::string requested_path() {
  const char* name = std::getenv("FRAMERING_CPU");  // NOLINT(concurrency-mt-unsafe): at import
  return name == nullptr ? "" : name;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

const char* name(CpuPath path) {
  switch (path) {
    case CpuPath::avx512:
      return "avx512";
    case CpuPath::avx2:
      return "avx2";
    case CpuPath::portable:
      break;
  }
  return "portable";
}

CpuPath choose_path(const std::string& requested, const CpuFeatures& features) {
  std::vector<CpuPath> paths;  // of this processor, the fastest first
  if (features.avx512) {
    paths.push_back(CpuPath::avx512);
  }
  if (features.avx2) {
    paths.push_back(CpuPath::avx2);
  }
  paths.push_back(CpuPath::portable);
  for (const CpuPath path : paths) {
    if (requested.empty() || requested == name(path)) {
      return path;
    }
  }
  if (requested == name(CpuPath::avx2) || requested == name(CpuPath::avx512)) {
    throw std::invalid_argument(
        "FRAMERING_CPU: expected a path of this processor and this build, got '" + requested +
        "'; set it to '" + name(paths.front()) + "' or unset it");
  }
  throw std::invalid_argument("FRAMERING_CPU: expected 'portable', 'avx2' or 'avx512', got '" +
                              requested + "'; unset it to use the fastest path of this processor");
}

CpuPath cpu_path() {
  static const CpuPath path = choose_path(requested_path(), cpu_features());
  return path;
}

}  // namespace framering::system
