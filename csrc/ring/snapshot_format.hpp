// What the writer and the reader of snapshots share.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "ring/layout.hpp"

namespace framering::ring {

static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

inline constexpr std::uint64_t kSnapshotMagic = 0x70616e7367726672;  // "rfrgsnap" in memory
inline constexpr std::uint64_t kSnapshotVersion = 2;
inline constexpr std::size_t kWord = sizeof(std::uint64_t);

struct Prologue {
  std::uint64_t magic = kSnapshotMagic;
  std::uint64_t version = kSnapshotVersion;
  Geometry geometry;
  std::uint64_t extra_bytes = 0;
};

// Version 1 had raw frames only. Its records had one field word more.
struct GeometryVersion1 {
  std::uint64_t lanes;
  std::uint64_t slots;
  std::uint64_t frame_bytes;
  std::uint64_t stack;
  std::uint64_t action_bytes;
};

inline constexpr std::size_t kRecordFieldWordsVersion1 = 3;

// Slots are copied in chunks of about so many bytes, which the caches can hold.
inline constexpr std::size_t kChunkBytes = std::size_t{1} << 20U;

}  // namespace framering::ring
