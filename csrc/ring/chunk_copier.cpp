#include "ring/chunk_copier.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <string>

#include "ring/hash.hpp"
#include "ring/overrun.hpp"
#include "ring/record_checks.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

// The number of slots in front of `first` that the observations of `slots` slots from it on read.
// Any number where these have been overwritten.
std::uint64_t find_context(const Lane& lane, std::uint64_t first, std::uint64_t slots) {
  std::uint64_t context = 0;
  // None reaches further back than two stacks.
  const std::uint64_t number = std::min(slots, 2 * lane.stack());
  for (std::uint64_t index = 0; index < number; ++index) {
    const std::uint64_t reached = reach(lane.load_record(first + index), lane.stack());
    context = std::max(context, reached > index ? reached - index : 0);
  }
  return std::min(context, first);
}

ChunkHeader make_header(const Geometry& geometry, const Lane& lane, std::uint64_t first,
                        std::uint64_t limit) {
  if (limit == 0) {
    throw std::invalid_argument("limit: expected at least 1 slot, got 0");
  }
  const std::uint64_t published = lane.published();
  if (first > published) {
    throw std::out_of_range("first: expected at most the " + std::to_string(published) +
                            " slots that are published, got " + std::to_string(first) +
                            "; go on with the slot after the last chunk's");
  }
  const std::uint64_t slots = std::min(limit, published - first);
  return {.frame_bytes = geometry.frame_bytes,
          .stack = geometry.stack,
          .action_bytes = geometry.action_bytes,
          .row_bytes = geometry.row_bytes,
          .first = first,
          .context = find_context(lane, first, slots),
          .slots = slots};
}

}  // namespace

ChunkCopier::ChunkCopier(const Ring& ring, std::size_t lane, std::uint64_t first,
                         std::uint64_t limit)
    : lane_(ring.lane(lane)),
      header_(make_header(ring.geometry(), lane_, first, limit)),
      copier_(make_copier(ring.layout())) {
  for (std::uint64_t slot = begin(); slot < high(); ++slot) {
    frame_words_.push_back(copier_.frame_words(slot));
  }
  require_whole();
  const std::uint64_t words = frame_words_.size() * copied_record_words(ring.layout()) +
                              std::reduce(frame_words_.begin(), frame_words_.end());
  bytes_ = sizeof(ChunkHeader) + (words + 1) * kWord;
}

SlotCopier ChunkCopier::make_copier(const Layout& layout) const {
  require_whole();
  try {
    return {layout, lane_, begin(), high()};
  } catch (const Overrun&) {
    throw_overwritten();
  }
}

void ChunkCopier::copy(std::span<std::uint8_t> out) const {
  std::memcpy(out.data(), &header_, sizeof(header_));
  std::uint8_t* end = out.data() + sizeof(header_);
  for (std::uint64_t slot = begin(); slot < high(); ++slot) {
    end = copier_.copy_record(slot, end);
  }
  for (std::uint64_t slot = begin(); slot < high(); ++slot) {
    end = copier_.copy_frame(slot, frame_words_[slot - begin()], end);
  }
  require_whole();
  Hash hash;
  hash.update(out.data(), static_cast<std::size_t>(end - out.data()));
  const std::uint64_t checksum = hash.digest();
  std::memcpy(end, &checksum, kWord);
}

void ChunkCopier::require_whole() const {
  if (header_.slots > 0 && !lane_.validate(begin())) {
    throw_overwritten();
  }
}

void ChunkCopier::throw_overwritten() const {
  throw std::out_of_range("first: expected a slot that is whole in the ring with the " +
                          std::to_string(header_.context) + " before it, which it reads, got " +
                          std::to_string(header_.first) + " where slots before " +
                          std::to_string(lane_.oldest()) +
                          " are overwritten; read chunks more often, or make the ring larger");
}

}  // namespace framering::ring
