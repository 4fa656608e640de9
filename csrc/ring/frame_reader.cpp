#include "ring/frame_reader.hpp"

#include <algorithm>
#include <cstring>

#include "ring/payload.hpp"

namespace framering::ring {

FrameReader::FrameReader(const Layout& layout)
    : frame_bytes_(layout.geometry().frame_bytes), frame_words_(layout.frame_words()) {
  if (layout.geometry().encoded()) {
    decoder_.emplace(FrameShape{.bytes = frame_bytes_, .row_bytes = layout.geometry().row_bytes});
  }
}

bool FrameReader::load_stack(const Lane& lane, std::uint64_t slot, std::uint64_t age,
                             std::uint8_t* out) {
  return load(lane, slot, age, slot, out);
}

bool FrameReader::load_block(const Lane& lane, std::uint64_t slot, std::uint64_t age,
                             std::uint8_t* out) {
  return load(lane, slot, age, slot + 1, out);
}

bool FrameReader::load(const Lane& lane, std::uint64_t slot, std::uint64_t age, std::uint64_t last,
                       std::uint8_t* out) {
  std::uint64_t current = lane.stack_begin(slot, age);
  Words words;
  FrameDecoder* const decoder = decoder_ ? &*decoder_ : nullptr;
  if (decoder != nullptr) {
    const auto found = words_of(lane, current, last);
    if (!found) {
      return false;
    }
    words = *found;
    copy_words(lane, words);
    begin_ = position_ = words.begin;
    if (!decode_to(*decoder, lane.load_location(current), words)) {
      return false;
    }
  }
  const auto put = [&] {
    if (decoder != nullptr) {
      std::memcpy(out, decoder->frame(), frame_bytes_);
    } else {
      load_payload(out, lane.raw_frame(current), frame_bytes_);
    }
    out += frame_bytes_;
  };
  // The padding at a segment's start.
  for (std::uint64_t repeats = lane.stack() - 1 - (slot - current); repeats > 0; --repeats) {
    put();
  }
  put();
  while (current < last) {
    ++current;
    if (decoder != nullptr && !decode_to(*decoder, lane.load_location(current), words)) {
      return false;
    }
    put();
  }
  return true;
}

// From where the first slot is decoded to the end of the last one. Nothing where that is more than
// can be: then the records are of different laps.
std::optional<FrameReader::Words> FrameReader::words_of(const Lane& lane, std::uint64_t first,
                                                        std::uint64_t last) const {
  const Words words{.begin = lane.load_location(first).begin(),
                    .end = lane.load_location(last).end};
  // The walk to the first slot, further frames, and one that did not fit before the arena's end.
  const std::uint64_t most = kMostSpan + (last - first + 1) * (frame_words_ + 1);
  if (words.end <= words.begin || words.end - words.begin > std::min(most, lane.arena_words())) {
    return std::nullopt;
  }
  return words;
}

// Decoding reads each word more than once, so that it must not work on words that may change.
void FrameReader::copy_words(const Lane& lane, const Words& words) {
  const std::size_t number = words.end - words.begin;
  if (copied_size_ < number + kReadBeyond) {
    copied_size_ = 2 * number + kReadBeyond;
    copied_ = std::make_unique<std::uint64_t[]>(copied_size_);
  }
  const std::uint64_t until_end = lane.arena_words() - words.begin % lane.arena_words();
  const std::size_t first = std::min<std::size_t>(number, until_end);
  const auto copy = [&](std::size_t offset, std::size_t size) {
    load_payload(reinterpret_cast<std::uint8_t*>(copied_.get() + offset),
                 lane.arena(words.begin + offset), size * sizeof(std::uint64_t));
  };
  copy(0, first);
  copy(first, number - first);
}

// Goes on from the frame that was decoded last, or starts again where the next one needs another.
bool FrameReader::decode_to(FrameDecoder& decoder, const FrameLocation& location,
                            const Words& words) {
  if (location.begin() != begin_ || location.end < position_) {
    begin_ = position_ = location.begin();
  }
  if (position_ < words.begin || location.end > words.end) {
    return false;
  }
  while (position_ < location.end) {
    const std::size_t size =
        decoder.decode({copied_.get() + (position_ - words.begin), location.end - position_});
    if (size == 0) {
      return false;
    }
    position_ += size;
  }
  return true;
}

void FrameReader::prefetch(const Lane& lane, std::uint64_t first, std::uint64_t last) const {
  if (!decoder_) {
    for (std::uint64_t slot = first; slot <= last; ++slot) {
      warm_tlb(lane.raw_frame(slot), frame_bytes_);
    }
    return;
  }
  if (const auto words = words_of(lane, first, last)) {
    // A part beyond the arena's end is rare, and loaded without.
    const std::uint64_t until_end = lane.arena_words() - words->begin % lane.arena_words();
    prefetch_to_load(lane.arena(words->begin),
                     std::min(words->end - words->begin, until_end) * sizeof(std::uint64_t));
  }
}

}  // namespace framering::ring
