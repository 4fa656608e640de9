// Loops that all code paths compile, each with its own instructions for counting bits.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ring/encoding.hpp"
#include "ring/encoding_kernels.hpp"

// Inlined always: a copy that is compiled for one path must not be shared (see system/avx2.hpp).
#define FRAMERING_ALWAYS_INLINE __attribute__((always_inline)) inline

namespace framering::ring::loops {

FRAMERING_ALWAYS_INLINE std::size_t count_bits(const std::uint64_t* masks, std::size_t number) {
  std::size_t bits = 0;
  for (std::size_t i = 0; i < number; ++i) {
    bits += static_cast<std::size_t>(std::popcount(masks[i]));
  }
  return bits;
}

// The groups that a group mask names, and where the first group that it could name lies in the
// frame.
FRAMERING_ALWAYS_INLINE std::uint64_t groups_of(const NamedWords& named, std::size_t group_mask) {
  return group_mask == 0 ? named.group_masks[0] >> 32U : named.group_masks[group_mask];
}

FRAMERING_ALWAYS_INLINE std::size_t first_group_of(std::size_t group_mask) {
  return group_mask == 0 ? 0 : kHeaderGroups + 64 * (group_mask - 1);
}

// Copies the words that a mask names into a group, and returns the words behind them.
FRAMERING_ALWAYS_INLINE const std::uint64_t* copy_to_group(std::uint64_t mask,
                                                           const std::uint64_t* words,
                                                           std::uint8_t* group) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  for (; mask != 0; mask &= mask - 1) {
    std::memcpy(group + static_cast<std::size_t>(std::countr_zero(mask)) * kWord, words++, kWord);
  }
  return words;
}

// Copies the words that a mask names out of a group, and returns where the next ones go.
FRAMERING_ALWAYS_INLINE std::uint64_t* copy_from_group(const std::uint8_t* group,
                                                       std::uint64_t mask, std::uint64_t* words) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  for (; mask != 0; mask &= mask - 1) {
    std::memcpy(words++, group + static_cast<std::size_t>(std::countr_zero(mask)) * kWord, kWord);
  }
  return words;
}

// How many words a mask names before the one at a position.
FRAMERING_ALWAYS_INLINE std::size_t named_before(std::uint64_t mask, std::size_t position) {
  return static_cast<std::size_t>(std::popcount(mask & ((std::uint64_t{1} << position) - 1)));
}

// The 64 bits of a sequence of masks that begin at a position. The mask after it is read, too.
FRAMERING_ALWAYS_INLINE std::uint64_t bits_at(const std::uint64_t* masks, std::size_t position) {
  const std::size_t shift = position % 64;
  const std::uint64_t* const mask = masks + position / 64;
  return mask[0] >> shift | mask[1] << 1U << (63 - shift);
}

}  // namespace framering::ring::loops
