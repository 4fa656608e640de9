#include "system/cpu_features.hpp"

#include <cstdlib>
#include <stdexcept>

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

std::string wish_in_environment() {
  const char* wish = std::getenv("FRAMERING_CPU");  // NOLINT(concurrency-mt-unsafe): at import
  return wish == nullptr ? "" : wish;
}

}  // namespace

const CpuFeatures& cpu_features() {
  static const CpuFeatures features = detect();
  return features;
}

const char* name(CpuPath path) { return path == CpuPath::avx2 ? "avx2" : "portable"; }

CpuPath choose_path(const std::string& wish, const CpuFeatures& features) {
  if (wish.empty()) {
    return features.avx2 ? CpuPath::avx2 : CpuPath::portable;
  }
  if (wish == "portable") {
    return CpuPath::portable;
  }
  if (wish != "avx2") {
    throw std::invalid_argument("FRAMERING_CPU must be 'portable' or 'avx2', got '" + wish +
                                "'; unset it to take the fastest path that the processor runs");
  }
  if (!features.avx2) {
    throw std::invalid_argument(
        "FRAMERING_CPU is 'avx2', but this processor has no AVX2; set it to 'portable' or unset "
        "it");
  }
  return CpuPath::avx2;
}

CpuPath cpu_path() {
  static const CpuPath path = choose_path(wish_in_environment(), cpu_features());
  return path;
}

}  // namespace framering::system
