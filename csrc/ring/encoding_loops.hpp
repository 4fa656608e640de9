// Loops that both code paths compile, each with its own instructions for counting bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/encoding.hpp"
#include "ring/encoding_kernels.hpp"

// Inlined always: a copy that is compiled with AVX2 must not be shared (see system/avx2.hpp).
#define FRAMERING_ALWAYS_INLINE __attribute__((always_inline)) inline

namespace framering::ring::loops {

FRAMERING_ALWAYS_INLINE std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  std::size_t bits = 0;
  for (std::size_t i = 0; i < number; ++i) {
    bits += static_cast<std::size_t>(std::popcount(masks[i]));
  }
  return bits;
}

FRAMERING_ALWAYS_INLINE void copy_groups(std::uint64_t groups, std::uint8_t* frame,
                                         CheckedFrame& delta) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  for (; groups != 0; groups &= groups - 1) {
    std::uint8_t* const group =
        frame + static_cast<std::size_t>(std::countr_zero(groups)) * kGroupWords * kWord;
    for (std::uint64_t mask = *delta.word_masks++; mask != 0; mask &= mask - 1) {
      std::memcpy(group + static_cast<std::size_t>(std::countr_zero(mask)) * kWord, delta.words++,
                  kWord);
    }
  }
}

FRAMERING_ALWAYS_INLINE void decode_delta(CheckedFrame delta, std::size_t further_masks,
                                          std::uint8_t* frame) {
  constexpr std::size_t kGroupBytes = kGroupWords * sizeof(std::uint64_t);
  copy_groups(delta.group_masks[0] >> 32U, frame, delta);
  for (std::size_t i = 0; i < further_masks; ++i) {
    copy_groups(delta.group_masks[1 + i], frame + (kHeaderGroups + 64 * i) * kGroupBytes, delta);
  }
}

// The 64 bits of a sequence of masks that begin at a position. The mask after it is read, too.
FRAMERING_ALWAYS_INLINE std::uint64_t bits_at(const std::uint64_t* masks, std::size_t position) {
  const std::size_t shift = position % 64;
  const std::uint64_t* const mask = masks + position / 64;
  return mask[0] >> shift | mask[1] << 1U << (63 - shift);
}

}  // namespace framering::ring::loops
