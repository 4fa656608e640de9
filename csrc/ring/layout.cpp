#include "ring/layout.hpp"

#include <algorithm>
#include <bit>
#include <stdexcept>
#include <string>

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

constexpr std::uint64_t kTransition = 1;
constexpr std::uint64_t kTerminated = 2;
constexpr std::uint64_t kTruncated = 4;

void require(bool holds, const char* what, std::uint64_t value) {
  if (!holds) {
    throw std::invalid_argument(std::string("a ring needs ") + what + ", got " +
                                std::to_string(value));
  }
}

}  // namespace

// Word 0: ordinal 48, distance 13, flags 3 bits. Word 1: age 16, obs_age 16, reward 32 bits.
void pack(const Record& record, std::uint64_t* words) {
  const std::uint64_t flags = (record.transition ? kTransition : 0U) |
                              (record.terminated ? kTerminated : 0U) |
                              (record.truncated ? kTruncated : 0U);
  words[0] = record.ordinal | (static_cast<std::uint64_t>(record.distance) << 48U) | (flags << 61U);
  words[1] = record.age | (static_cast<std::uint64_t>(record.obs_age) << 16U) |
             (static_cast<std::uint64_t>(std::bit_cast<std::uint32_t>(record.reward)) << 32U);
}

Record unpack(const std::uint64_t* words) {
  const std::uint64_t flags = words[0] >> 61U;
  return {.ordinal = words[0] & 0xffffffffffffU,
          .age = static_cast<std::uint32_t>(words[1] & 0xffffU),
          .obs_age = static_cast<std::uint32_t>(words[1] >> 16U & 0xffffU),
          .reward = std::bit_cast<float>(static_cast<std::uint32_t>(words[1] >> 32U)),
          .distance = static_cast<std::uint16_t>(words[0] >> 48U & 0x1fffU),
          .transition = (flags & kTransition) != 0,
          .terminated = (flags & kTerminated) != 0,
          .truncated = (flags & kTruncated) != 0};
}

std::uint64_t pack(const FrameLocation& location) { return location.end << 16U | location.span; }

FrameLocation unpack_location(std::uint64_t word) {
  return {.end = word >> 16U, .span = word & 0xffffU};
}

Layout::Layout(const Geometry& geometry)
    : geometry_(geometry), encoded_(geometry.encoded() ? 1 : 0) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 40U;
  require(geometry.lanes >= 1 && geometry.lanes <= kMost, "at least 1 lane", geometry.lanes);
  require(geometry.stack >= 1 && geometry.stack <= 4096, "a stack of 1 to 4096 frames",
          geometry.stack);
  require(geometry.frame_bytes >= 1 && geometry.frame_bytes <= kMost, "frames of at least 1 byte",
          geometry.frame_bytes);
  require(geometry.action_bytes >= 1 && geometry.action_bytes <= kMost,
          "actions of at least 1 byte", geometry.action_bytes);
  // A transition reads up to two stacks, and the writer must never overwrite what it continues.
  require(geometry.slots > 2 * geometry.stack && geometry.slots <= kMost,
          "more than twice as many slots as frames in a stack", geometry.slots);

  action_words_ = round_up(geometry.action_bytes, kWord) / kWord;
  frame_words_ = round_up(geometry.frame_bytes, kWord) / kWord;
  if (geometry.encoded()) {
    require(geometry.frame_bytes % geometry.row_bytes == 0, "frames of whole rows",
            geometry.row_bytes);
    require(frame_words_ < kMostSpan, "smaller frames to encode them: at most 524264 bytes",
            geometry.frame_bytes);
  }
  // In floating point first: the product may be beyond what 64 bits hold.
  const double estimate = static_cast<double>(geometry.lanes) *
                          (static_cast<double>(geometry.slots + 2 * kKeyInterval) *
                               static_cast<double>((record_words() + frame_words_ + 1) * kWord) +
                           2 * static_cast<double>(kPage));
  if (estimate > 0x1p62) {
    throw std::invalid_argument("a ring of this geometry would be larger than an address space");
  }
  lane_bytes_ = round_up(sizeof(Counters) + geometry.slots * record_words() * kWord, kPage);
  size_arena();
  bytes_ = frames_offset(0) + geometry.lanes * arena_bytes_;
}

void Layout::size_arena() {
  if (!geometry_.encoded()) {
    arena_words_ = geometry_.slots * frame_words_;
  } else {
    // Of frames that are all raw: those of the slots, those before them that the oldest one is
    // decoded from, and one that did not fit before the arena's end.
    const auto words_for = [&](std::uint64_t slots) {
      return (slots + kKeyInterval + 1) * (frame_words_ + 1);
    };
    arena_words_ = words_for(geometry_.slots);
    if (geometry_.memory_limit != 0) {
      // A window that leaves room for two stacks before it and holds an add that continues nothing.
      const std::size_t least = words_for(4 * geometry_.stack + 1) * kWord + kPage;
      const std::uint64_t share = geometry_.memory_limit / geometry_.lanes;
      if (share < lane_bytes_ + least) {
        throw std::invalid_argument("memory_limit: expected at least " +
                                    std::to_string(geometry_.lanes * (lane_bytes_ + least)) +
                                    " bytes for so many transitions, got " +
                                    std::to_string(geometry_.memory_limit) +
                                    ": raise it, or make the buffer smaller");
      }
      arena_words_ =
          std::min<std::size_t>(arena_words_, (share - lane_bytes_) / kPage * kPage / kWord);
    }
  }
  // Arenas begin on pages of their own, so that pages can be given back.
  arena_bytes_ = round_up(arena_words_ * kWord, kPage);
  if (geometry_.encoded()) {
    arena_words_ = arena_bytes_ / kWord;
  }
}

std::size_t Layout::lane_offset(std::size_t lane) const { return kPage + lane * lane_bytes_; }

std::size_t Layout::frames_offset(std::size_t lane) const {
  return lane_offset(geometry_.lanes) + lane * arena_bytes_;
}

}  // namespace framering::ring
