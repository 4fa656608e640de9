#include <algorithm>

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

// One of the two arrays of a lane: `words` a slot, of which slot n is at at(n).
template <class At>
void write_slots(CheckedSink& sink, const Lane& lane, const LaneBounds& bounds, std::size_t words,
                 At at) {
  const std::uint64_t most = slots_per_chunk(words);
  std::vector<std::uint8_t> chunk(std::min(most, bounds.high - bounds.first) * words * kWord);
  for (std::uint64_t slot = bounds.first; slot < bounds.high;) {
    const std::uint64_t end = std::min(slot + most, bounds.high);
    std::uint8_t* out = chunk.data();
    for (; slot < end; ++slot, out += words * kWord) {
      load_payload(out, at(slot), words * kWord);
    }
    if (!lane.validate(bounds.first)) {
      throw Overrun();
    }
    sink.write({chunk.data(), out});
  }
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
  const std::uint64_t reach = 2 * layout.geometry().stack;
  std::vector<LaneBounds> bounds;
  for (std::size_t index = 0; index < window.lanes.size(); ++index) {
    const LaneWindow& lane = window.lanes[index];
    bounds.push_back({.first = lane.low < reach ? 0 : lane.low - reach,
                      .low = lane.low,
                      .high = lane.high,
                      .forgotten_ordinal = forgotten_ordinals[index]});
    checked.write(bytes_of(bounds.back()));
  }
  for (std::size_t index = 0; index < bounds.size(); ++index) {
    const Lane lane = ring.lane(index);
    write_slots(checked, lane, bounds[index], layout.record_words(),
                [&](std::uint64_t slot) { return lane.record(slot); });
    write_slots(checked, lane, bounds[index], layout.frame_words(),
                [&](std::uint64_t slot) { return lane.frame(slot); });
  }
  checked.finish();
}

}  // namespace framering::ring
