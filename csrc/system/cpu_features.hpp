// Which instruction-set paths this processor can run.
#pragma once

namespace framering::system {

struct CpuFeatures {
  bool avx2 = false;
  bool neon = false;
};

// Read once, at first use.
const CpuFeatures& cpu_features();

}  // namespace framering::system
