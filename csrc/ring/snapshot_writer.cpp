#include <algorithm>

#include "ring/hash.hpp"
#include "ring/overrun.hpp"
#include "ring/slot_copier.hpp"
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
                   const LaneBounds& bounds, const SlotCopier& copier) {
  write_slots(sink, lane, bounds, copied_record_words(layout) * kWord,
              [&](std::uint64_t slot, std::uint8_t* out) { return copier.copy_record(slot, out); });
}

std::uint64_t count_frame_words(const Lane& lane, const LaneBounds& bounds,
                                const SlotCopier& copier) {
  std::uint64_t words = 0;
  for (std::uint64_t slot = bounds.first; slot < bounds.high; ++slot) {
    words += copier.frame_words(slot);
  }
  if (!lane.validate(bounds.first)) {
    throw Overrun();
  }
  return words;
}

void write_frames(CheckedSink& sink, const Lane& lane, const LaneBounds& bounds,
                  const SlotCopier& copier) {
  write_slots(sink, lane, bounds, copier.most_frame_words() * kWord,
              [&](std::uint64_t slot, std::uint8_t* out) {
                return copier.copy_frame(slot, copier.frame_words(slot), out);
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
  std::vector<SlotCopier> copiers;
  for (std::size_t index = 0; index < window.lanes.size(); ++index) {
    const LaneWindow& lane = window.lanes[index];
    bounds.push_back({.first = lane.low < reach ? 0 : lane.low - reach,
                      .low = lane.low,
                      .high = lane.high,
                      .forgotten_ordinal = forgotten_ordinals[index]});
    copiers.emplace_back(layout, ring.lane(index), bounds.back().first, bounds.back().high);
    bounds.back().frame_words = count_frame_words(ring.lane(index), bounds.back(), copiers.back());
    checked.write(bytes_of(bounds.back()));
  }
  for (std::size_t index = 0; index < bounds.size(); ++index) {
    const Lane lane = ring.lane(index);
    write_records(checked, layout, lane, bounds[index], copiers[index]);
    write_frames(checked, lane, bounds[index], copiers[index]);
  }
  checked.finish();
}

}  // namespace framering::ring
