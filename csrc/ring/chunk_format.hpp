// What the copier and the checks of chunks share.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

namespace framering::ring {

static_assert(std::endian::native == std::endian::little, "chunks are little-endian");

inline constexpr std::uint64_t kChunkMagic = 0x6b6e686367726672;  // "rfrgchnk" in memory
inline constexpr std::uint64_t kChunkVersion = 1;

// Words of 8 bytes. The records follow, then the frames, then the checksum of all before.
struct ChunkHeader {
  std::uint64_t magic = kChunkMagic;
  std::uint64_t version = kChunkVersion;
  std::uint64_t frame_bytes = 0;
  std::uint64_t stack = 0;
  std::uint64_t action_bytes = 0;
  std::uint64_t row_bytes = 0;
  std::uint64_t first = 0;    // the lane's position of the first slot behind the context
  std::uint64_t context = 0;  // slots in front of it
  std::uint64_t slots = 0;    // from it on
};

inline constexpr std::size_t kChunkHeaderWords = sizeof(ChunkHeader) / sizeof(std::uint64_t);

}  // namespace framering::ring
