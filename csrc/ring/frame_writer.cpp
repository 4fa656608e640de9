#include "ring/frame_writer.hpp"

#include <algorithm>
#include <utility>

#include "ring/frame_reader.hpp"
#include "ring/payload.hpp"

namespace framering::ring {

namespace {

constexpr std::uint64_t kPageWords = kPage / sizeof(std::uint64_t);
// Memory is taken and given back in steps of so many words: each is a system call.
constexpr std::uint64_t kMostGivenBack = (std::uint64_t{256} << 10U) / sizeof(std::uint64_t);
constexpr std::uint64_t kMostTaken = (std::uint64_t{2} << 20U) / sizeof(std::uint64_t);

}  // namespace

FrameWriter::FrameWriter(std::shared_ptr<const Ring> ring, std::size_t lane)
    : ring_(std::move(ring)), index_(lane), lane_(ring_->lane(lane)), oldest_(lane_.oldest()) {
  const Geometry& geometry = ring_->geometry();
  const FrameShape shape{.bytes = geometry.frame_bytes, .row_bytes = geometry.row_bytes};
  frames_.assign(geometry.stack + 1, PaddedFrame(shape));
  if (!geometry.encoded()) {
    return;
  }
  encoder_.emplace(shape);
  const std::uint64_t part = round_up(lane_.arena_words() / 8, kPageWords);
  give_back_step_ = std::min(kMostGivenBack, part);
  take_step_ = std::min(kMostTaken, part);
  if (const std::uint64_t published = lane_.published(); published > 0) {
    end_ = lane_.load_location(published - 1).end;
    oldest_begin_ = oldest_ < published ? begin_of(oldest_) : end_;
  }
  // Of what a predecessor has taken beyond that, nothing is known.
  taken_ = end_ / kPageWords * kPageWords;
}

void FrameWriter::resume(std::uint64_t newest, std::uint64_t age) {
  const std::uint64_t stack = lane_.stack();
  std::vector<std::uint8_t> frames(stack * lane_.frame_bytes());
  FrameReader reader(ring_->layout());
  reader.load_stack(lane_, newest, age, frames.data());
  for (std::uint64_t back = 0; back < stack && back <= newest; ++back) {
    padded(newest - back).assign(frames.data() + (stack - 1 - back) * lane_.frame_bytes());
  }
  deltas_ = kKeyInterval;
}

const std::uint8_t* FrameWriter::recent(std::uint64_t slot) const {
  return frames_[slot % frames_.size()].data();
}

void FrameWriter::prepare(std::uint64_t slot, const std::uint8_t* frame, bool begins_segment) {
  padded(slot).assign(frame);
  std::uint64_t oldest =
      std::max(oldest_, slot < lane_.slots() ? std::uint64_t{0} : slot + 1 - lane_.slots());
  if (!encoder_) {
    oldest_ = oldest;
    return;
  }
  encode(*encoder_, slot, begins_segment);
  const std::uint64_t size = encoded_.size();
  const std::uint64_t begin = fits(size) ? end_ : round_up(end_, lane_.arena_words());
  const std::uint64_t end = begin + size;

  // Everything below `begin of oldest` may be overwritten, a lap later.
  std::uint64_t oldest_begin = oldest_begin_;
  if (end > oldest_begin + lane_.arena_words()) {
    for (; oldest < slot; ++oldest) {
      oldest_begin = begin_of(oldest);
      if (end <= oldest_begin + lane_.arena_words()) {
        break;
      }
    }
  }
  if (end > taken_) {
    const std::uint64_t wanted = round_up(end, take_step_);
    ring_->take_memory(index_, taken_, wanted);
    taken_ = wanted;
  }

  const bool delta = encoded_.kind == FrameKind::kDelta;
  deltas_ = delta ? deltas_ + 1 : 0;
  span_ = delta ? span_ + size : size;
  end_ = end;
  oldest_ = oldest;
  oldest_begin_ = oldest_begin;
}

void FrameWriter::encode(FrameEncoder& encoder, std::uint64_t slot, bool begins_segment) {
  if (!begins_segment && deltas_ + 1 < kKeyInterval) {
    encoded_ = encoder.encode_after(padded(slot - 1), padded(slot));
    // A delta lies right behind what it needs.
    if (encoded_.kind != FrameKind::kDelta ||
        (span_ + encoded_.size() <= kMostSpan && fits(encoded_.size()))) {
      return;
    }
  }
  encoded_ = encoder.encode_alone(padded(slot));
}

// Whether so many words have room before the arena's end.
bool FrameWriter::fits(std::uint64_t words) const {
  return end_ % lane_.arena_words() + words <= lane_.arena_words();
}

std::uint64_t FrameWriter::begin_of(std::uint64_t slot) const {
  return lane_.load_location(slot).begin();
}

void FrameWriter::store(std::uint64_t slot) const {
  if (!encoder_) {
    store_payload(lane_.raw_frame(slot), recent(slot), lane_.frame_bytes());
    return;
  }
  const auto put = [&](std::uint64_t position, std::span<const std::uint64_t> words) {
    store_payload(lane_.arena(position), reinterpret_cast<const std::uint8_t*>(words.data()),
                  words.size_bytes());
  };
  const std::uint64_t begin = end_ - encoded_.size();
  put(begin, encoded_.head);
  if (!encoded_.words.empty()) {
    put(begin + encoded_.head.size(), encoded_.words);
  }
}

void FrameWriter::give_back() {
  if (!encoder_) {
    return;
  }
  Counters& counters = lane_.counters();
  if (end_ < counters.given_back + give_back_step_) {
    return;
  }
  oldest_begin_ = oldest_ < lane_.published() ? begin_of(oldest_) : end_;
  // What was written a lap later lies there, and what was taken for that, must stay.
  const std::uint64_t ahead = std::max(end_, taken_);
  const std::uint64_t kept =
      ahead < lane_.arena_words() ? 0 : round_up(ahead - lane_.arena_words(), kPageWords);
  const std::uint64_t first = std::max(counters.given_back, kept);
  const std::uint64_t last = oldest_begin_ / kPageWords * kPageWords;
  if (last >= first + give_back_step_) {
    ring_->give_back_memory(index_, first, last);
    counters.given_back = last;
  }
}

}  // namespace framering::ring
