// Loading a payload with AVX2. See shrink_avx2.cpp for how such a file is compiled.
//
// The loads are written in assembly: an access of 32 bytes is no access of the C++ memory model,
// and a plain one would be a data race. What the protocol asks of R2 holds by the processor's own
// model. x86 keeps loads in their order, so each is done before R4; `volatile` and the clobbered
// memory keep the compiler from moving one over R1 or the fence R3. A load may be torn anywhere: R5
// refuses whatever mixes two laps, and nothing depends on how it is mixed.

// NOLINTBEGIN(portability-simd-intrinsics,*-no-assembler): the portable path is in payload.cpp.

#include <immintrin.h>

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t vector_bytes = 32;

}  // namespace

__attribute__((target("avx2"))) void load_lines_avx2(std::uint8_t* bytes,
                                                     const std::uint64_t* words,
                                                     std::size_t number) {
  auto* to = reinterpret_cast<__m256i*>(bytes);
  const auto* from = reinterpret_cast<const __m256i*>(words);
  for (const auto* end = from + number / vector_bytes; from < end; from += 2, to += 2) {
    __m256i low;
    __m256i high;
    asm volatile(
        "vmovdqu %2, %0\n\t"
        "vmovdqu %3, %1"
        : "=&x"(low), "=x"(high)
        : "m"(from[0]), "m"(from[1])
        : "memory");
    _mm256_storeu_si256(to, low);
    _mm256_storeu_si256(to + 1, high);
  }
}

}  // namespace framering::ring

// NOLINTEND(portability-simd-intrinsics,*-no-assembler)
