#include <doctest/doctest.h>

#include "system/cpu_features.hpp"

TEST_CASE("the processor's features agree with the compiler's own question") {
#if defined(__x86_64__)
  CHECK(framering::system::cpu_features().avx2 == (__builtin_cpu_supports("avx2") != 0));
#elif defined(__aarch64__)
  CHECK(framering::system::cpu_features().neon);
#endif
}
