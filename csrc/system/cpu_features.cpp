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

const char* name(CpuPath path) { return path == CpuPath::avx2 ? "avx2" : "portable"; }

CpuPath choose_path(const std::string& requested, const CpuFeatures& features) {
  if (requested.empty()) {
    return features.avx2 ? CpuPath::avx2 : CpuPath::portable;
  }
  if (requested == "portable") {
    return CpuPath::portable;
  }
  if (requested != "avx2") {
    throw std::invalid_argument("FRAMERING_CPU: expected 'portable' or 'avx2', got '" + requested +
                                "'; unset it to use the fastest path of this processor");
  }
  if (!features.avx2) {
    throw std::invalid_argument(
        "FRAMERING_CPU: expected a path of this processor, which has no AVX2, got 'avx2'; set it "
        "to "
        "'portable' or unset it");
  }
  return CpuPath::avx2;
}

CpuPath cpu_path() {
  static const CpuPath path = choose_path(requested_path(), cpu_features());
  return path;
}

}  // namespace framering::system
