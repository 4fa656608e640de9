// Loading a payload with NEON, which every aarch64 processor has. Compilers do not join relaxed
// atomic loads to vectors.
//
// The loads are written in assembly, as in payload_avx2.cpp and for the same reasons. Here the
// processor may reorder loads, but not over the protocol's barriers: R1 is a load-acquire, before
// all later loads, and R3 a `dmb ishld`, after all earlier ones, of vectors too.

// NOLINTBEGIN(portability-simd-intrinsics,*-no-assembler): the portable path is in payload.cpp.

#include <arm_neon.h>

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kVectorWords = 2;
constexpr std::size_t kLineWords = 8;

}  // namespace

void load_lines_neon(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number) {
  const auto* end = words + number / sizeof(std::uint64_t);
  for (; words < end; words += kLineWords) {
    uint8x16_t line[kLineWords / kVectorWords];
    asm volatile(
        "ldp %q0, %q1, [%4]\n\t"
        "ldp %q2, %q3, [%4, #32]"
        : "=w"(line[0]), "=w"(line[1]), "=w"(line[2]), "=w"(line[3])
        : "r"(words)
        : "memory");
    for (const uint8x16_t vector : line) {
      vst1q_u8(bytes, vector);
      bytes += sizeof(vector);
    }
  }
}

}  // namespace framering::ring

// NOLINTEND(portability-simd-intrinsics,*-no-assembler)
