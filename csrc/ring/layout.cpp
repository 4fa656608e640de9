#include "ring/layout.hpp"

#include <bit>
#include <stdexcept>
#include <string>

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kPage = 4096;  // lanes start on pages: no two writers share one

constexpr std::uint64_t kTransition = 1;
constexpr std::uint64_t kTerminated = 2;
constexpr std::uint64_t kTruncated = 4;

std::size_t round_up(std::size_t value, std::size_t multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

void require(bool holds, const char* what, std::uint64_t value) {
  if (!holds) {
    throw std::invalid_argument(std::string("a ring needs ") + what + ", got " +
                                std::to_string(value));
  }
}

}  // namespace

void pack(const Record& record, std::uint64_t* words) {
  const std::uint64_t flags = (record.transition ? kTransition : 0U) |
                              (record.terminated ? kTerminated : 0U) |
                              (record.truncated ? kTruncated : 0U);
  words[0] = record.ordinal;
  words[1] = record.age | (static_cast<std::uint64_t>(record.obs_age) << 32U);
  words[2] = std::bit_cast<std::uint32_t>(record.reward) |
             (static_cast<std::uint64_t>(record.distance) << 32U) | (flags << 48U);
}

Record unpack(const std::uint64_t* words) {
  const std::uint64_t flags = words[2] >> 48U;
  return {.ordinal = words[0],
          .age = static_cast<std::uint32_t>(words[1]),
          .obs_age = static_cast<std::uint32_t>(words[1] >> 32U),
          .reward = std::bit_cast<float>(static_cast<std::uint32_t>(words[2])),
          .distance = static_cast<std::uint16_t>(words[2] >> 32U),
          .transition = (flags & kTransition) != 0,
          .terminated = (flags & kTerminated) != 0,
          .truncated = (flags & kTruncated) != 0};
}

Layout::Layout(const Geometry& geometry) : geometry_(geometry) {
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

  record_words_ = kRecordFieldWords + round_up(geometry.action_bytes, kWord) / kWord;
  frame_words_ = round_up(geometry.frame_bytes, kWord) / kWord;
  // In floating point first: the product may be beyond what 64 bits hold.
  const double estimate = static_cast<double>(geometry.lanes) *
                          (static_cast<double>(geometry.slots) *
                               static_cast<double>((record_words_ + frame_words_) * kWord) +
                           2 * static_cast<double>(kPage));
  if (estimate > 0x1p62) {
    throw std::invalid_argument("a ring of this geometry would be larger than an address space");
  }
  lane_bytes_ = round_up(frames_offset() + geometry.slots * frame_words_ * kWord, kPage);
  bytes_ = kPage + geometry.lanes * lane_bytes_;
}

std::size_t Layout::lane_offset(std::size_t lane) const { return kPage + lane * lane_bytes_; }

std::size_t Layout::frames_offset() const {
  return round_up(records_offset() + geometry_.slots * record_words_ * kWord, kPage);
}

}  // namespace framering::ring
