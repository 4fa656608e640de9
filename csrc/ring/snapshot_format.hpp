// What the writer and the reader of snapshots share.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "ring/layout.hpp"

namespace framering::ring {

static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

inline constexpr std::uint64_t kSnapshotMagic = 0x70616e7367726672;  // "rfrgsnap" in memory
inline constexpr std::uint64_t kSnapshotVersion = 1;
inline constexpr std::size_t kWord = sizeof(std::uint64_t);

struct Prologue {
  std::uint64_t magic = kSnapshotMagic;
  std::uint64_t version = kSnapshotVersion;
  Geometry geometry;
  std::uint64_t extra_bytes = 0;
};

// Slots of so many words that are copied at a time: some MiB, which the caches can hold.
inline std::uint64_t slots_per_chunk(std::size_t words) {
  constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;
  return std::max<std::uint64_t>(kChunkBytes / (words * kWord), 1);
}

}  // namespace framering::ring
