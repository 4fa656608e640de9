#include <doctest/doctest.h>

#include <stdexcept>

#include "system/cpu_features.hpp"

TEST_CASE("the detected features are the processor's, as far as there are kernels") {
#if FRAMERING_X86_KERNELS
  CHECK(framering::system::cpu_features().avx2 == (__builtin_cpu_supports("avx2") != 0));
  CHECK((!framering::system::cpu_features().avx512 || __builtin_cpu_supports("avx512vl") != 0));
#else
  CHECK_FALSE(framering::system::cpu_features().avx2);
  CHECK_FALSE(framering::system::cpu_features().avx512);
#endif
  CHECK(framering::system::cpu_features().neon == (FRAMERING_NEON_KERNELS == 1));
}

TEST_CASE("without a request the fastest path is chosen") {
  using framering::system::choose_path;
  using framering::system::CpuPath;
  CHECK(choose_path("", {.avx2 = true, .avx512 = true}) == CpuPath::avx512);
  CHECK(choose_path("", {.avx2 = true}) == CpuPath::avx2);
  CHECK(choose_path("", {.neon = true}) == CpuPath::portable);
}

TEST_CASE("a requested path is chosen only where the processor runs it") {
  using framering::system::choose_path;
  using framering::system::CpuPath;
  CHECK(choose_path("portable", {.avx2 = true}) == CpuPath::portable);
  CHECK(choose_path("avx2", {.avx2 = true, .avx512 = true}) == CpuPath::avx2);
  CHECK(choose_path("avx512", {.avx2 = true, .avx512 = true}) == CpuPath::avx512);
  CHECK_THROWS_AS(choose_path("avx2", {}), std::invalid_argument);
  CHECK_THROWS_AS(choose_path("avx512", {.avx2 = true}), std::invalid_argument);
  CHECK_THROWS_AS(choose_path("AVX2", {.avx2 = true}), std::invalid_argument);
}

TEST_CASE("a path includes those that may use fewer instructions") {
  using framering::system::CpuPath;
  using framering::system::includes;
  CHECK(includes(CpuPath::avx512, CpuPath::avx2));
  CHECK(includes(CpuPath::avx2, CpuPath::avx2));
  CHECK_FALSE(includes(CpuPath::avx2, CpuPath::avx512));
  CHECK_FALSE(includes(CpuPath::portable, CpuPath::avx2));
}
