#include <algorithm>

#include "ring/encoding.hpp"
#include "ring/frame_reader.hpp"
#include "ring/hash.hpp"
#include "ring/overrun.hpp"
#include "ring/payload.hpp"
#include "ring/snapshot.hpp"
#include "ring/snapshot_format.hpp"

namespace framering::ring {

namespace {

template <class Value>
std::span<const std::uint8_t> bytes_of(const Value& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof(Value)};
}

// Passes bytes on, and the checksum of all of them at the end.
class CheckedSink {
 public:
  explicit CheckedSink(const Sink& sink) : sink_(sink) {}
  void write(std::span<const std::uint8_t> bytes) {
    hash_.update(bytes.data(), bytes.size());
    sink_(bytes);
  }
  void finish() { sink_(bytes_of(hash_.digest())); }

 private:
  const Sink& sink_;
  Hash hash_;
};

// Passes on what `copy` appends for each slot, in chunks of about a MiB. `most_bytes` is the most
// that it appends.
template <class Copy>
void write_slots(CheckedSink& sink, const Lane& lane, const LaneBounds& bounds,
                 std::size_t most_bytes, Copy copy) {
  std::vector<std::uint8_t> chunk(kChunkBytes + most_bytes);
  for (std::uint64_t slot = bounds.first; slot < bounds.high;) {
    std::uint8_t* out = chunk.data();
    for (; slot < bounds.high && out < chunk.data() + kChunkBytes; ++slot) {
      out = copy(slot, out);
    }
    if (!lane.validate(bounds.first)) {
      throw Overrun();
    }
    sink.write({chunk.data(), out});
  }
}

void write_records(CheckedSink& sink, const Layout& layout, const Lane& lane,
                   const LaneBounds& bounds) {
  const std::size_t field_bytes = kRecordFieldWords * kWord;
  const std::size_t action_bytes = layout.action_words() * kWord;
  write_slots(sink, lane, bounds, field_bytes + action_bytes,
              [&](std::uint64_t slot, std::uint8_t* out) {
                load_payload(out, lane.record(slot), field_bytes);
                load_payload(out + field_bytes, lane.action(slot), action_bytes);
                return out + field_bytes + action_bytes;
              });
}

// The words of a slot's own frame, which lie at the end of its span.
std::uint64_t own_words(const Lane& lane, std::uint64_t slot) {
  const FrameLocation location = lane.load_location(slot);
  const FrameLocation before = lane.load_location(slot - 1);
  return location.begin() == before.begin() ? location.end - before.end : location.span;
}

// The words of the first frame of a lane's part, encoded alone; none where frames are raw.
std::vector<std::uint64_t> encode_first(const Layout& layout, const Lane& lane,
                                        const LaneBounds& bounds) {
  if (!lane.encoded() || bounds.first == bounds.high) {
    return {};
  }
  std::vector<std::uint8_t> frames(lane.stack() * lane.frame_bytes());
  const bool decoded = FrameReader(layout).load_stack(lane, bounds.first, 0, frames.data());
  if (!decoded || !lane.validate(bounds.first)) {
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

std::uint64_t count_frame_words(const Layout& layout, const Lane& lane, const LaneBounds& bounds,
                                std::span<const std::uint64_t> first) {
  if (!lane.encoded()) {
    return (bounds.high - bounds.first) * layout.frame_words();
  }
  std::uint64_t words = first.size();
  for (std::uint64_t slot = bounds.first + 1; slot < bounds.high; ++slot) {
    words += own_words(lane, slot);
  }
  if (!lane.validate(bounds.first)) {
    throw Overrun();
  }
  return words;
}

void write_frames(CheckedSink& sink, const Layout& layout, const Lane& lane,
                  const LaneBounds& bounds, std::span<const std::uint64_t> first) {
  const std::size_t frame_bytes = layout.frame_words() * kWord;
  if (!lane.encoded()) {
    write_slots(sink, lane, bounds, frame_bytes, [&](std::uint64_t slot, std::uint8_t* out) {
      load_payload(out, lane.raw_frame(slot), frame_bytes);
      return out + frame_bytes;
    });
    return;
  }
  write_slots(sink, lane, bounds, frame_bytes + kWord, [&](std::uint64_t slot, std::uint8_t* out) {
    if (slot == bounds.first) {
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(first.data());
      return std::copy_n(bytes, first.size_bytes(), out);
    }
    // Where the slots have been overwritten, this is garbage, and must still fit.
    const std::uint64_t words =
        std::min<std::uint64_t>(own_words(lane, slot), layout.frame_words() + 1);
    const std::uint64_t begin = lane.load_location(slot).end - words;
    const std::uint64_t until_end = lane.arena_words() - begin % lane.arena_words();
    const std::size_t bytes = std::min(words, until_end) * kWord;
    load_payload(out, lane.arena(begin), bytes);
    return out + bytes;
  });
}

}  // namespace

void write_snapshot(const Ring& ring, const Window& window,
                    std::span<const std::uint64_t> forgotten_ordinals,
                    std::span<const std::uint8_t> extra, const Sink& sink) {
  const Layout& layout = ring.layout();
  CheckedSink checked(sink);
  checked.write(bytes_of(Prologue{.geometry = layout.geometry(), .extra_bytes = extra.size()}));
  checked.write(extra);
  // A transition reads less than two stacks back.
  const std::uint64_t reach = 2 * layout.geometry().stack - 1;
  std::vector<LaneBounds> bounds;
  std::vector<std::vector<std::uint64_t>> first_frames;
  for (std::size_t index = 0; index < window.lanes.size(); ++index) {
    const LaneWindow& lane = window.lanes[index];
    bounds.push_back({.first = lane.low < reach ? 0 : lane.low - reach,
                      .low = lane.low,
                      .high = lane.high,
                      .forgotten_ordinal = forgotten_ordinals[index]});
    first_frames.push_back(encode_first(layout, ring.lane(index), bounds.back()));
    bounds.back().frame_words =
        count_frame_words(layout, ring.lane(index), bounds.back(), first_frames.back());
    checked.write(bytes_of(bounds.back()));
  }
  for (std::size_t index = 0; index < bounds.size(); ++index) {
    const Lane lane = ring.lane(index);
    write_records(checked, layout, lane, bounds[index]);
    write_frames(checked, layout, lane, bounds[index], first_frames[index]);
  }
  checked.finish();
}

}  // namespace framering::ring
