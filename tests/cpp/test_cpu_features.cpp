#include <doctest/doctest.h>

#include <stdexcept>

#include "system/cpu_features.hpp"

TEST_CASE("the detected features agree with the compiler's builtin") {
#if defined(__x86_64__)
  CHECK(framering::system::cpu_features().avx2 == (__builtin_cpu_supports("avx2") != 0));
#elif defined(__aarch64__)
  CHECK(framering::system::cpu_features().neon);
#endif
}

TEST_CASE("without a request the fastest path is chosen") {
  CHECK(framering::system::choose_path("", {.avx2 = true}) == framering::system::CpuPath::avx2);
  CHECK(framering::system::choose_path("", {.neon = true}) == framering::system::CpuPath::portable);
}

TEST_CASE("a requested path is chosen only where the processor runs it") {
  using framering::system::choose_path;
  using framering::system::CpuPath;
  CHECK(choose_path("portable", {.avx2 = true}) == CpuPath::portable);
  CHECK(choose_path("avx2", {.avx2 = true}) == CpuPath::avx2);
  CHECK_THROWS_AS(choose_path("avx2", {}), std::invalid_argument);
  CHECK_THROWS_AS(choose_path("AVX2", {.avx2 = true}), std::invalid_argument);
}
