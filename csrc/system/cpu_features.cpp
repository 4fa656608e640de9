#include "system/cpu_features.hpp"

namespace framering::system {

namespace {

CpuFeatures detect() {
  CpuFeatures found;
#if defined(__x86_64__)
  __builtin_cpu_init();
  found.avx2 = __builtin_cpu_supports("avx2") != 0;
#elif defined(__aarch64__)
  found.neon = true;  // part of the baseline of the architecture
#endif
  return found;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

}  // namespace framering::system
