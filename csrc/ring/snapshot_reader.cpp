#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <optional>

#include "ring/encoding.hpp"
#include "ring/frame_writer.hpp"
#include "ring/hash.hpp"
#include "ring/payload.hpp"
#include "ring/snapshot.hpp"
#include "ring/snapshot_format.hpp"

namespace framering::ring {

namespace {

// Reads a source and computes the checksum of what has been read.
class CheckedSource {
 public:
  explicit CheckedSource(const Source& source) : source_(source), unread_(source.size) {}

  void read(std::span<std::uint8_t> out) {
    if (out.size() > unread_) {
      throw BadSnapshot("the snapshot is cut short");
    }
    read_unchecked(out);
    hash_.update(out.data(), out.size());
  }
  template <class Value>
  Value read() {
    Value value;
    read({reinterpret_cast<std::uint8_t*>(&value), sizeof(Value)});
    return value;
  }
  std::vector<std::uint8_t> read(std::uint64_t number) {
    if (number > unread_) {  // before memory is taken for it
      throw BadSnapshot("the snapshot is cut short");
    }
    std::vector<std::uint8_t> bytes(number);
    read(bytes);
    return bytes;
  }

  [[nodiscard]] std::uint64_t unread() const { return unread_; }

  // Reads the rest, whatever it is, and throws BadSnapshot where its last word is not the checksum
  // of all that is before it.
  void require_checksum() {
    std::vector<std::uint8_t> chunk(std::size_t{1} << 16U);
    while (unread_ > kWord) {
      read(std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), unread_ - kWord)));
    }
    const std::uint64_t expected = hash_.digest();
    std::uint64_t checksum = 0;
    if (unread_ == kWord) {
      read_unchecked({reinterpret_cast<std::uint8_t*>(&checksum), kWord});
    }
    if (checksum != expected) {
      throw BadSnapshot("the snapshot is damaged: its checksum is wrong");
    }
  }

 private:
  void read_unchecked(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      const std::size_t number = source_.read(out);
      if (number == 0) {
        throw BadSnapshot("the snapshot is cut short: it became smaller while it was read");
      }
      out = out.subspan(number);
      unread_ -= number;
    }
  }

  const Source& source_;
  std::uint64_t unread_;
  Hash hash_;
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
  require(found.row_bytes == own.row_bytes, "bytes a row", own.row_bytes, found.row_bytes);
}

[[noreturn]] void too_large(std::uint64_t number, const char* what, std::uint64_t taken) {
  throw BadSnapshot("the snapshot does not fit: one environment has " + std::to_string(number) +
                    what + " in it, this buffer takes " + std::to_string(taken) +
                    ": make it larger");
}

void require_bounds(const LaneBounds& bounds, const Geometry& geometry) {
  // Slots are counted from 0 and are never negative as int64, multiplied by the lanes neither (see
  // the indices of prioritized sampling); and so many are never written.
  const std::uint64_t most = (std::uint64_t{1} << 62U) / geometry.lanes;
  if (bounds.first > bounds.low || bounds.low > bounds.high || bounds.high > most ||
      (bounds.high > 0 && bounds.first == bounds.high)) {
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

// Whether the slots that a transition reads, behind its own slot, are kept.
bool reads_kept_slots(const Record& record, std::uint64_t slot, std::uint64_t first,
                      std::uint64_t stack) {
  const std::uint64_t kept = slot - first;
  const auto behind = [&](std::uint64_t age) { return std::min(age, stack - 1); };
  return behind(record.age) <= kept && record.distance >= 1 && record.distance <= stack &&
         record.distance + behind(record.obs_age) <= kept;
}

// Samplers rely on what writers make sure of: ordinals that count the transitions, and stacks that
// lie within what is kept.
void require_records(const Lane& lane, const LaneBounds& bounds, std::uint64_t capacity) {
  std::optional<std::uint64_t> ordinal;
  std::uint64_t transitions = 0;
  for (std::uint64_t slot = bounds.first; slot < bounds.high; ++slot) {
    const Record record = lane.load_record(slot);
    const std::uint64_t counted = record.transition ? 1 : 0;
    const bool counts = record.ordinal <= slot + 1 && record.ordinal >= counted &&
                        (!ordinal || record.ordinal == *ordinal + counted);
    const bool readable = !record.transition || slot < bounds.low ||
                          reads_kept_slots(record, slot, bounds.first, lane.stack());
    if (!counts || !readable) {
      throw BadSnapshot("the snapshot contradicts itself in slot " + std::to_string(slot));
    }
    ordinal = record.ordinal;
    transitions += slot < bounds.low ? 0 : counted;
  }
  if (bounds.forgotten_ordinal > ordinal.value_or(0)) {
    throw BadSnapshot("the snapshot contradicts itself in its bounds");
  }
  if (transitions > capacity) {
    too_large(transitions, " transitions", capacity);
  }
}

// Reads so many words in chunks of about a MiB, and calls `use` with what there is each time. It
// returns how many words it has used; the others come again, with more.
template <class Use>
void read_words(CheckedSource& source, std::uint64_t number, Use use) {
  std::vector<std::uint64_t> chunk;
  while (number > 0 || !chunk.empty()) {
    const std::uint64_t more = std::min<std::uint64_t>(number, kChunkBytes / kWord);
    const std::size_t kept = chunk.size();
    chunk.resize(kept + more);
    source.read({reinterpret_cast<std::uint8_t*>(chunk.data() + kept), more * kWord});
    number -= more;
    chunk.resize(chunk.size() + kReadBeyond);  // for decoding
    const std::size_t used = use(std::span(chunk).first(kept + more));
    if (used == 0 && number == 0) {
      throw BadSnapshot("the snapshot contradicts itself in its frames");
    }
    chunk.resize(kept + more);
    chunk.erase(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(used));
  }
}

Record unpack_version_1(const std::uint64_t* words) {
  const std::uint64_t flags = words[2] >> 48U;
  const auto age = [](std::uint64_t value) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(value & 0xffffffffU, kMostAge));
  };
  return {.ordinal = words[0],
          .age = age(words[1]),
          .obs_age = age(words[1] >> 32U),
          .reward = std::bit_cast<float>(static_cast<std::uint32_t>(words[2])),
          .distance = static_cast<std::uint16_t>(words[2] >> 32U),
          .transition = (flags & 1U) != 0,
          .terminated = (flags & 2U) != 0,
          .truncated = (flags & 4U) != 0};
}

// The records of a lane, with the location of no frame yet.
void read_records(CheckedSource& source, std::uint64_t version, const Layout& layout,
                  const Lane& lane, const LaneBounds& bounds) {
  const std::size_t fields = version == 1 ? kRecordFieldWordsVersion1 : kRecordFieldWords;
  const std::size_t words = fields + layout.action_words();
  std::uint64_t slot = bounds.first;
  read_words(
      source, (bounds.high - bounds.first) * words, [&](std::span<const std::uint64_t> chunk) {
        const std::size_t records = chunk.size() / words;
        for (const std::uint64_t* record = chunk.data(); record != chunk.data() + records * words;
             record += words, ++slot) {
          std::array<std::uint64_t, kRecordFieldWords> packed{};
          if (version == 1) {
            pack(unpack_version_1(record), packed.data());
          } else {
            std::copy_n(record, kRecordFieldWords, packed.begin());
          }
          store_payload(lane.record(slot), reinterpret_cast<const std::uint8_t*>(packed.data()),
                        sizeof(packed));
          store_payload(lane.action(slot), reinterpret_cast<const std::uint8_t*>(record + fields),
                        layout.action_words() * kWord);
        }
        return records * words;
      });
}

// The frames of a lane, by the lane's own means: it may have less room than the snapshot's had.
// Returns the oldest slot for which there was room.
std::uint64_t read_frames(CheckedSource& source, bool encoded,
                          const std::shared_ptr<const Ring>& ring, std::size_t index,
                          const LaneBounds& bounds) {
  const Layout& layout = ring->layout();
  const Lane lane = ring->lane(index);
  FrameWriter writer(ring, index);
  writer.start_at(bounds.first);
  std::uint64_t slot = bounds.first;
  const auto put = [&](const std::uint8_t* frame) {
    const std::uint32_t age = lane.load_record(slot).age;
    writer.prepare(slot, frame, slot == bounds.first || age == 0);
    if (lane.encoded()) {
      std::atomic_ref(lane.record(slot)[Layout::location_word()])
          .store(pack(writer.location()), std::memory_order_relaxed);
    }
    writer.store(slot);
    ++slot;
  };
  if (!encoded) {
    const std::size_t words = layout.frame_words();
    read_words(source, bounds.frame_words, [&](std::span<const std::uint64_t> chunk) {
      const std::size_t frames = chunk.size() / words;
      for (std::size_t i = 0; i < frames; ++i) {
        put(reinterpret_cast<const std::uint8_t*>(chunk.data() + i * words));
      }
      return frames * words;
    });
    return writer.oldest();
  }
  FrameDecoder decoder({.bytes = lane.frame_bytes(), .row_bytes = layout.geometry().row_bytes});
  read_words(source, bounds.frame_words, [&](std::span<const std::uint64_t> chunk) {
    std::size_t used = 0;
    while (used < chunk.size()) {
      const auto rest = chunk.subspan(used);
      if (encoded_size(rest[0]) > rest.size()) {
        break;  // not all of it is there yet
      }
      const bool misplaced = slot == bounds.high ||
                             (slot == bounds.first && encoded_kind(rest[0]) == FrameKind::kDelta);
      const std::size_t size = misplaced ? 0 : decoder.decode(rest);
      if (size == 0) {
        throw BadSnapshot("the snapshot contradicts itself in the frame of slot " +
                          std::to_string(slot));
      }
      put(decoder.frame());
      used += size;
    }
    return used;
  });
  if (slot != bounds.high) {
    throw BadSnapshot("the snapshot contradicts itself in its frames");
  }
  return writer.oldest();
}

LaneBounds read_bounds(CheckedSource& source, std::uint64_t version, const Layout& layout) {
  LaneBounds bounds;
  bounds.first = source.read<std::uint64_t>();
  bounds.low = source.read<std::uint64_t>();
  bounds.high = source.read<std::uint64_t>();
  bounds.forgotten_ordinal = source.read<std::uint64_t>();
  if (version != 1) {
    bounds.frame_words = source.read<std::uint64_t>();
  }
  require_bounds(bounds, layout.geometry());
  const std::uint64_t slots = bounds.high - bounds.first;
  if (version == 1) {
    bounds.frame_words = slots * layout.frame_words();
  }
  const std::uint64_t most = slots * (layout.frame_words() + (layout.geometry().encoded() ? 1 : 0));
  if (bounds.frame_words > most || (!layout.geometry().encoded() && bounds.frame_words != most)) {
    throw BadSnapshot("the snapshot contradicts itself in its bounds");
  }
  return bounds;
}

LoadedSnapshot read_header(CheckedSource& source, const Prologue& prologue, const Layout& layout,
                           std::span<const std::uint8_t> format) {
  const Geometry& geometry = layout.geometry();
  require_fit(prologue.geometry, geometry);
  LoadedSnapshot loaded;
  loaded.extra = source.read(prologue.extra_bytes);
  if (loaded.extra.size() < format.size() ||
      !std::ranges::equal(std::span(loaded.extra).first(format.size()), format)) {
    throw BadSnapshot("the snapshot is of another buffer: its observations or actions differ");
  }
  const std::size_t fields = prologue.version == 1 ? kRecordFieldWordsVersion1 : kRecordFieldWords;
  std::uint64_t words = 1;  // the checksum
  for (std::size_t index = 0; index < geometry.lanes; ++index) {
    loaded.lanes.push_back(read_bounds(source, prologue.version, layout));
    const LaneBounds& bounds = loaded.lanes.back();
    words += (bounds.high - bounds.first) * (fields + layout.action_words()) + bounds.frame_words;
  }
  // Before anything is copied.
  if (source.unread() != words * kWord) {
    throw BadSnapshot(source.unread() < words * kWord
                          ? "the snapshot is cut short"
                          : "the snapshot is longer than its header says");
  }
  return loaded;
}

LoadedSnapshot read_body(CheckedSource& source, const Prologue& prologue,
                         const std::shared_ptr<const Ring>& ring, const Expected& expected) {
  const Layout& layout = ring->layout();
  LoadedSnapshot loaded = read_header(source, prologue, layout, expected.format);
  const bool encoded = prologue.version != 1 && layout.geometry().encoded();
  for (std::size_t index = 0; index < loaded.lanes.size(); ++index) {
    const Lane lane = ring->lane(index);
    const LaneBounds& bounds = loaded.lanes[index];
    read_records(source, prologue.version, layout, lane, bounds);
    require_records(lane, bounds, expected.capacity);
    loaded.oldest.push_back(read_frames(source, encoded, ring, index, bounds));
  }
  return loaded;
}

Prologue read_prologue(CheckedSource& source, const Geometry& own) {
  Prologue prologue;
  prologue.magic = source.read<std::uint64_t>();
  prologue.version = source.read<std::uint64_t>();
  if (prologue.magic != kSnapshotMagic) {
    throw BadSnapshot("this is no snapshot of a replay buffer");
  }
  if (prologue.version == 1) {
    const auto geometry = source.read<GeometryVersion1>();
    prologue.geometry = {.lanes = geometry.lanes,
                         .slots = geometry.slots,
                         .frame_bytes = geometry.frame_bytes,
                         .stack = geometry.stack,
                         .action_bytes = geometry.action_bytes,
                         .row_bytes = own.row_bytes};
  } else if (prologue.version == kSnapshotVersion) {
    prologue.geometry = source.read<Geometry>();
  } else {
    throw BadSnapshot("the snapshot has version " + std::to_string(prologue.version) +
                      ", this framering reads versions 1 and " + std::to_string(kSnapshotVersion));
  }
  prologue.extra_bytes = source.read<std::uint64_t>();
  return prologue;
}

}  // namespace

std::uint64_t LoadedSnapshot::window_slots() const {
  std::uint64_t slots = 0;
  for (const LaneBounds& lane : lanes) {
    slots += lane.high - lane.low;
  }
  return slots;
}

void require_empty(const Ring& ring) {
  for (std::size_t index = 0; index < ring.geometry().lanes; ++index) {
    if (ring.lane(index).published() != 0) {
      throw std::logic_error("a snapshot is loaded into a new buffer, this one has been used");
    }
  }
}

LoadedSnapshot load_slots(const std::shared_ptr<const Ring>& ring, const Source& source,
                          const Expected& expected) {
  CheckedSource checked(source);
  if (source.size < 2 * kWord) {
    throw BadSnapshot("this is no snapshot of a replay buffer");
  }
  const Prologue prologue = read_prologue(checked, ring->geometry());
  std::optional<LoadedSnapshot> loaded;
  try {
    loaded = read_body(checked, prologue, ring, expected);
  } catch (const BadSnapshot&) {
    // Of a damaged snapshot, damage is all that is worth saying.
    checked.require_checksum();
    throw;
  }
  checked.require_checksum();
  return *std::move(loaded);
}

void publish_slots(const Ring& ring, const LoadedSnapshot& loaded) {
  for (std::size_t index = 0; index < loaded.lanes.size(); ++index) {
    if (const std::uint64_t high = loaded.lanes[index].high; high > 0) {
      Counters& counters = ring.lane(index).counters();
      begin_write(counters, loaded.oldest[index]);
      end_write(counters, high - 1);
    }
  }
}

}  // namespace framering::ring
