#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string>

#include "ring/checked_source.hpp"
#include "ring/encoding.hpp"
#include "ring/frame_writer.hpp"
#include "ring/payload.hpp"
#include "ring/snapshot.hpp"
#include "ring/snapshot_checks.hpp"
#include "ring/snapshot_format.hpp"

namespace framering::ring {

namespace {

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
