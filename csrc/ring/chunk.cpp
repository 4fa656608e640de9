#include "ring/chunk.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "ring/hash.hpp"
#include "ring/record_checks.hpp"
#include "ring/slot_copier.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

[[noreturn]] void throw_damaged(const std::string& expected, const std::string& got) {
  throw BadChunk("chunk: expected " + expected + ", got " + got +
                 "; it was damaged on the way: send it again");
}

void require_same(std::uint64_t own, std::uint64_t found, const char* what) {
  if (own != found) {
    throw BadChunk("chunk: expected " + std::to_string(own) + what + ", got " +
                   std::to_string(found) + "; give both rings the same observations and actions");
  }
}

}  // namespace

Chunk::Chunk(std::span<const std::uint8_t> bytes, const Layout& layout)
    : geometry_(layout.geometry()),
      record_words_(copied_record_words(layout)),
      raw_words_(layout.frame_words()) {
  if (bytes.size() % kWord != 0 || bytes.size() < (kChunkHeaderWords + 1) * kWord) {
    throw BadChunk("chunk: expected at least " + std::to_string((kChunkHeaderWords + 1) * kWord) +
                   " bytes, in whole words of 8, got " + std::to_string(bytes.size()) +
                   "; pass what read_chunk returned");
  }
  number_ = bytes.size() / kWord;
  words_.resize(number_ + kReadBeyond);
  std::memcpy(words_.data(), bytes.data(), bytes.size());
  std::copy_n(bytes.data(), sizeof(header_), reinterpret_cast<std::uint8_t*>(&header_));
  require_format();
  require_checksum();
  require_geometry();
  require_bounds();
  require_records();
  require_frames();
}

void Chunk::require_format() const {
  if (header_.magic != kChunkMagic) {
    throw BadChunk(
        "chunk: expected the bytes of a chunk, got others; pass what read_chunk returned");
  }
  if (header_.version != kChunkVersion) {
    throw BadChunk("chunk: expected version " + std::to_string(kChunkVersion) + ", got version " +
                   std::to_string(header_.version) +
                   "; install the same version of framering on both sides");
  }
}

void Chunk::require_checksum() const {
  Hash hash;
  hash.update(reinterpret_cast<const std::uint8_t*>(words_.data()), (number_ - 1) * kWord);
  if (hash.digest() != words_[number_ - 1]) {
    throw_damaged("the checksum of its bytes", "another one");
  }
}

void Chunk::require_geometry() const {
  require_same(geometry_.frame_bytes, header_.frame_bytes, " bytes a frame");
  require_same(geometry_.stack, header_.stack, " frames a stack");
  require_same(geometry_.action_bytes, header_.action_bytes, " bytes an action");
  require_same(geometry_.row_bytes, header_.row_bytes, " bytes a row");
}

void Chunk::require_bounds() const {
  // So many slots are never written: see the bounds of snapshots.
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62U;
  const std::uint64_t room = (number_ - kChunkHeaderWords - 1) / record_words_;
  const bool in_order = header_.first <= kMost && header_.context <= header_.first &&
                        header_.context < 2 * geometry_.stack &&
                        (header_.slots > 0 || header_.context == 0);
  if (!in_order || header_.slots > room || header_.context > room - header_.slots) {
    throw_damaged("slots that its bytes have room for",
                  std::to_string(header_.slots) + " slots behind " +
                      std::to_string(header_.context) + " of context");
  }
}

void Chunk::require_records() const {
  for (std::uint64_t index = 0; index < size(); ++index) {
    require_record(index);
  }
}

// What writers make sure of. Of a transition in the context nothing is read but its age.
void Chunk::require_record(std::uint64_t index) const {
  const Record found = record(index);
  const std::uint64_t slot = header_.first - header_.context + index;
  bool holds = true;
  if (index == 0) {
    holds =
        counts_transitions(found, slot, std::nullopt) && (header_.context > 0 || found.age == 0);
  } else {
    const Record before = record(index - 1);
    holds = counts_transitions(found, slot, before.ordinal) &&
            (found.age == 0 || found.age == std::min(before.age + 1, kMostAge));
  }
  if (!found.transition) {
    holds = holds && !found.terminated && !found.truncated;
  } else if (index >= header_.context) {
    holds = holds && reads_kept_slots(found, index, geometry_.stack) &&
            (found.shifted() || found.age + 1 == found.distance);
    if (holds) {
      const Record obs = record(index - found.distance);
      holds = obs.age == found.obs_age && obs.ordinal + 1 == found.ordinal;
    }
  }
  if (!holds) {
    throw_damaged("records that follow each other", "another one for slot " + std::to_string(slot));
  }
}

void Chunk::require_frames() const {
  ChunkFrames frames(*this);
  for (std::uint64_t index = 0; index < size(); ++index) {
    if (frames.next() == nullptr) {
      throw_damaged("a frame of each slot",
                    "none of slot " + std::to_string(header_.first - header_.context + index));
    }
  }
  if (!frames.at_end()) {
    throw_damaged("a frame of each slot", "further bytes");
  }
}

std::span<const std::uint64_t> Chunk::frame_words() const {
  const std::size_t begin = kChunkHeaderWords + size() * record_words_;
  return {words_.data() + begin, number_ - 1 - begin};
}

ChunkFrames::ChunkFrames(const Chunk& chunk)
    : rest_(chunk.frame_words()), raw_words_(chunk.raw_words_) {
  const Geometry& geometry = chunk.geometry_;
  if (geometry.encoded()) {
    decoder_.emplace(FrameShape{.bytes = geometry.frame_bytes, .row_bytes = geometry.row_bytes});
  }
}

const std::uint8_t* ChunkFrames::next() {
  if (!decoder_) {
    if (rest_.size() < raw_words_) {
      return nullptr;
    }
    const auto* frame = reinterpret_cast<const std::uint8_t*>(rest_.data());
    rest_ = rest_.subspan(raw_words_);
    return frame;
  }
  const bool needs_another =
      first_ && !rest_.empty() && encoded_kind(rest_[0]) == FrameKind::kDelta;
  const std::size_t size = needs_another ? 0 : decoder_->decode(rest_);
  if (size == 0) {
    return nullptr;
  }
  first_ = false;
  rest_ = rest_.subspan(size);
  return decoder_->frame();
}

}  // namespace framering::ring
