#include "ring/snapshot.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "ring/hash.hpp"
#include "ring/overtaken.hpp"
#include "ring/payload.hpp"

namespace framering::ring {

namespace {

static_assert(std::endian::native == std::endian::little, "snapshots are little-endian");

constexpr std::uint64_t kSnapshotMagic = 0x70616e7367726672;  // "rfrgsnap" in memory
constexpr std::uint64_t kSnapshotVersion = 1;
constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kChunkBytes = std::size_t{1} << 22U;

struct Prologue {
  std::uint64_t magic = kSnapshotMagic;
  std::uint64_t version = kSnapshotVersion;
  Geometry geometry;
  std::uint64_t extra_bytes = 0;
};

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
  const std::uint64_t slots_a_chunk = std::max<std::uint64_t>(kChunkBytes / (words * kWord), 1);
  std::vector<std::uint8_t> chunk(slots_a_chunk * words * kWord);
  for (std::uint64_t slot = bounds.first; slot < bounds.high;) {
    const std::uint64_t end = std::min(slot + slots_a_chunk, bounds.high);
    std::uint8_t* out = chunk.data();
    for (; slot < end; ++slot, out += words * kWord) {
      load_payload(out, at(slot), words * kWord);
    }
    if (!lane.still_whole(bounds.first)) {
      throw Overtaken();
    }
    sink.write({chunk.data(), out});
  }
}

// Reads what it is asked for off the front of the bytes.
class Source {
 public:
  explicit Source(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<const std::uint8_t> take(std::uint64_t number) {
    if (number > bytes_.size()) {
      throw BadSnapshot("the snapshot is cut short");
    }
    const auto taken = bytes_.first(number);
    bytes_ = bytes_.subspan(number);
    return taken;
  }
  template <class Value>
  Value read() {
    Value value;
    std::memcpy(&value, take(sizeof(Value)).data(), sizeof(Value));
    return value;
  }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  std::span<const std::uint8_t> bytes_;
};

void require_fit(const Geometry& found, const Geometry& own) {
  const auto require = [](bool same, const char* what, std::uint64_t expected, std::uint64_t came) {
    if (!same) {
      throw BadSnapshot(std::string("the snapshot is of another buffer: expected ") + what + " " +
                        std::to_string(expected) + ", got " + std::to_string(came));
    }
  };
  require(found.lanes == own.lanes, "environments", own.lanes, found.lanes);
  require(found.frame_bytes == own.frame_bytes, "bytes a frame", own.frame_bytes,
          found.frame_bytes);
  require(found.stack == own.stack, "frames a stack", own.stack, found.stack);
  require(found.action_bytes == own.action_bytes, "bytes an action", own.action_bytes,
          found.action_bytes);
}

[[noreturn]] void too_large(std::uint64_t number, const char* what, std::uint64_t taken) {
  throw BadSnapshot("the snapshot does not fit: one environment has " + std::to_string(number) +
                    what + " in it, this buffer takes " + std::to_string(taken) +
                    ": make it larger");
}

void require_bounds(const LaneBounds& bounds, const Geometry& geometry) {
  if (bounds.first > bounds.low || bounds.low > bounds.high) {
    throw BadSnapshot("the snapshot contradicts itself in its bounds");
  }
  if (bounds.high - bounds.first > geometry.slots) {
    too_large(bounds.high - bounds.first, " frames", geometry.slots);
  }
  // What a window may span: see WindowFinder.
  const std::uint64_t spanned = geometry.slots - 2 * geometry.stack;
  if (bounds.high - bounds.low > spanned) {
    too_large(bounds.high - bounds.low, " frames to sample", spanned);
  }
}

// Samplers rely on what writers make sure of: ordinals that count the transitions, and an obs that
// lies before its next_obs, within what is kept.
void require_records(std::span<const std::uint8_t> records, const LaneBounds& bounds,
                     const Layout& layout, std::uint64_t capacity) {
  const std::size_t record_bytes = layout.record_words() * kWord;
  std::optional<std::uint64_t> ordinal;
  std::uint64_t transitions = 0;
  for (std::uint64_t slot = bounds.first; slot < bounds.high; ++slot) {
    std::array<std::uint64_t, kRecordFieldWords> words{};
    std::memcpy(words.data(), records.data() + (slot - bounds.first) * record_bytes, sizeof(words));
    const Record record = unpack(words.data());
    const std::uint64_t counted = record.transition ? 1 : 0;
    const bool consistent = !ordinal || record.ordinal == *ordinal + counted;
    const bool reaches = !record.transition || slot < bounds.low ||
                         (record.distance >= 1 && record.distance <= layout.geometry().stack &&
                          record.distance <= slot - bounds.first);
    if (!consistent || !reaches) {
      throw BadSnapshot("the snapshot contradicts itself in slot " + std::to_string(slot));
    }
    ordinal = record.ordinal;
    transitions += slot < bounds.low ? 0 : counted;
  }
  if (transitions > capacity) {
    too_large(transitions, " transitions", capacity);
  }
}

// The checksum first: nothing of a damaged snapshot is believed.
void require_whole(std::span<const std::uint8_t> bytes) {
  Source source(bytes);
  if (bytes.size() < sizeof(Prologue) + kWord || source.read<std::uint64_t>() != kSnapshotMagic) {
    throw BadSnapshot("this is no snapshot of a replay buffer");
  }
  const auto version = source.read<std::uint64_t>();
  if (version != kSnapshotVersion) {
    throw BadSnapshot("the snapshot has version " + std::to_string(version) +
                      ", this framering reads version " + std::to_string(kSnapshotVersion));
  }
  Hash hash;
  hash.update(bytes.data(), bytes.size() - kWord);
  std::uint64_t checksum = 0;
  std::memcpy(&checksum, bytes.data() + bytes.size() - kWord, kWord);
  if (hash.digest() != checksum) {
    throw BadSnapshot("the snapshot is damaged: its checksum is wrong");
  }
}

void fill_lane(const Lane& lane, const Layout& layout, const LaneBounds& bounds,
               std::span<const std::uint8_t> records, std::span<const std::uint8_t> frames) {
  if (bounds.high == 0) {
    return;
  }
  const std::size_t record_bytes = layout.record_words() * kWord;
  const std::size_t frame_bytes = layout.frame_words() * kWord;
  begin_write(lane.counters(), bounds.high - 1);
  const std::uint8_t* record = records.data();
  const std::uint8_t* frame = frames.data();
  for (std::uint64_t slot = bounds.first; slot < bounds.high; ++slot) {
    store_payload(lane.record(slot), record, record_bytes);
    store_payload(lane.frame(slot), frame, frame_bytes);
    record += record_bytes;
    frame += frame_bytes;
  }
  end_write(lane.counters(), bounds.high - 1);
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

LoadedSnapshot read_snapshot(const Ring& ring, std::span<const std::uint8_t> bytes,
                             const Expected& expected,
                             const std::function<void(const LoadedSnapshot&)>& accept) {
  const Layout& layout = ring.layout();
  for (std::size_t index = 0; index < layout.geometry().lanes; ++index) {
    if (ring.lane(index).published() != 0) {
      throw std::logic_error("a snapshot is loaded into a new buffer, this one has been used");
    }
  }
  require_whole(bytes);
  Source source(bytes.first(bytes.size() - kWord));
  const auto prologue = source.read<Prologue>();
  require_fit(prologue.geometry, layout.geometry());
  LoadedSnapshot loaded;
  const auto extra = source.take(prologue.extra_bytes);
  const std::size_t format_bytes = expected.format.size();
  if (extra.size() < format_bytes ||
      !std::ranges::equal(extra.first(format_bytes), expected.format)) {
    throw BadSnapshot("the snapshot is of another buffer: its observations or actions differ");
  }
  loaded.extra.assign(extra.begin(), extra.end());
  for (std::size_t index = 0; index < layout.geometry().lanes; ++index) {
    loaded.lanes.push_back(source.read<LaneBounds>());
    require_bounds(loaded.lanes.back(), layout.geometry());
  }
  std::vector<std::array<std::span<const std::uint8_t>, 2>> parts;
  for (const LaneBounds& bounds : loaded.lanes) {
    const std::uint64_t slots = bounds.high - bounds.first;
    const auto records = source.take(slots * layout.record_words() * kWord);
    require_records(records, bounds, layout, expected.capacity);
    parts.push_back({records, source.take(slots * layout.frame_words() * kWord)});
  }
  if (!source.empty()) {
    throw BadSnapshot("the snapshot is longer than its header says");
  }
  accept(loaded);
  for (std::size_t index = 0; index < parts.size(); ++index) {
    fill_lane(ring.lane(index), layout, loaded.lanes[index], parts[index][0], parts[index][1]);
  }
  return loaded;
}

}  // namespace framering::ring
