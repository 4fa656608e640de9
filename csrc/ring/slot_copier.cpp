#include "ring/slot_copier.hpp"

#include <algorithm>

#include "ring/encoding.hpp"
#include "ring/frame_reader.hpp"
#include "ring/overrun.hpp"
#include "ring/payload.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

// The words of a slot's frame, encoded alone.
std::vector<std::uint64_t> encode_alone(const Layout& layout, const Lane& lane,
                                        std::uint64_t slot) {
  std::vector<std::uint8_t> frames(lane.stack() * lane.frame_bytes());
  const bool decoded = FrameReader(layout).load_stack(lane, slot, 0, frames.data());
  if (!decoded || !lane.validate(slot)) {
    throw Overrun();
  }
  const FrameShape shape{.bytes = lane.frame_bytes(), .row_bytes = layout.geometry().row_bytes};
  PaddedFrame frame(shape);
  frame.assign(frames.data());
  FrameEncoder encoder(shape);
  const EncodedFrame encoded = encoder.encode_alone(frame);
  std::vector<std::uint64_t> words(encoded.head.begin(), encoded.head.end());
  words.insert(words.end(), encoded.words.begin(), encoded.words.end());
  return words;
}

}  // namespace

SlotCopier::SlotCopier(const Layout& layout, const Lane& lane, std::uint64_t first,
                       std::uint64_t high)
    : lane_(lane),
      first_(first),
      action_bytes_(layout.action_words() * kWord),
      raw_words_(layout.frame_words()) {
  if (lane.encoded() && first < high) {
    first_frame_ = encode_alone(layout, lane, first);
  }
}

std::uint8_t* SlotCopier::copy_record(std::uint64_t slot, std::uint8_t* out) const {
  constexpr std::size_t kFieldBytes = kRecordFieldWords * kWord;
  load_payload(out, lane_.record(slot), kFieldBytes);
  load_payload(out + kFieldBytes, lane_.action(slot), action_bytes_);
  return out + kFieldBytes + action_bytes_;
}

std::uint64_t SlotCopier::frame_words(std::uint64_t slot) const {
  if (!lane_.encoded()) {
    return raw_words_;
  }
  if (slot == first_) {
    return first_frame_.size();
  }
  // A slot's own words lie at the end of its span.
  const FrameLocation location = lane_.load_location(slot);
  const FrameLocation before = lane_.load_location(slot - 1);
  const std::uint64_t words =
      location.begin() == before.begin() ? location.end - before.end : location.span;
  return std::min(words, most_frame_words());
}

std::uint64_t SlotCopier::most_frame_words() const {
  return raw_words_ + (lane_.encoded() ? 1 : 0);
}

std::uint8_t* SlotCopier::copy_frame(std::uint64_t slot, std::uint64_t words,
                                     std::uint8_t* out) const {
  if (!lane_.encoded()) {
    load_payload(out, lane_.raw_frame(slot), words * kWord);
  } else if (slot == first_) {
    std::copy_n(reinterpret_cast<const std::uint8_t*>(first_frame_.data()), words * kWord, out);
  } else {
    // No frame lies across the arena's end, unless its location has been overwritten.
    const std::uint64_t begin = lane_.load_location(slot).end - words;
    const std::uint64_t until_end = lane_.arena_words() - begin % lane_.arena_words();
    load_payload(out, lane_.arena(begin), std::min(words, until_end) * kWord);
  }
  return out + words * kWord;
}

}  // namespace framering::ring
