// Rings of encoded frames, beside everything that was written into them.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

#include "encoding_reference.hpp"
#include "ring/gather.hpp"
#include "ring/lane_writer.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

inline constexpr std::uint64_t kNoAction = 0;

// A lane's writer that keeps each frame, its age and its location, and compares what is read.
class RecordedLane {
 public:
  explicit RecordedLane(const Geometry& geometry, Memory memory = Memory::kPrivate)
      : ring(std::make_shared<Ring>(geometry, memory)), lane(ring->lane(0)), writer_(ring, 0) {}

  const std::shared_ptr<Ring> ring;
  const Lane lane;

  void write(const reference::Bytes& frame, bool begins_segment) {
    const bool begins = begins_segment || frames_.empty();
    const std::uint64_t slot =
        begins ? writer_.begin_segment(frame.data())
               : writer_.append(frame.data(),
                                {.action = reinterpret_cast<const std::uint8_t*>(&kNoAction)});
    REQUIRE(slot == frames_.size());
    ages_.push_back(begins ? 0 : ages_.back() + 1);
    frames_.push_back(frame);
    locations_.push_back(lane.load_location(slot));
  }

  // A frame of some kind, in a segment that may begin with it. For some time most are noise.
  void write_any(std::mt19937_64& generator) {
    const Geometry& geometry = ring->geometry();
    const FrameShape shape{.bytes = geometry.frame_bytes, .row_bytes = geometry.row_bytes};
    const reference::Bytes before =
        frames_.empty() ? reference::Bytes(shape.bytes) : frames_.back();
    const bool noisy = frames_.size() / 40 % 2 == 1 && generator() % 5 != 0;
    if (noisy) {
      write(reference::noise(shape.bytes, generator), generator() % 9 == 0);
      return;
    }
    auto cases = reference::frames_after(shape, before, generator);
    write(cases[generator() % cases.size()].frame, generator() % 9 == 0);
  }

  // The writer's process dies; another one takes over, whose first frame begins a segment.
  void replace_writer() { writer_ = LaneWriter(ring, 0); }

  // Every transition that the lane says is whole is what was written.
  void require_whole() const { require_whole_from(lane.oldest()); }

  void require_whole_from(std::uint64_t oldest) const {
    const std::uint64_t first = oldest == 0 ? 1 : oldest + 2 * lane.stack() - 1;
    for (std::uint64_t slot = first; slot < frames_.size(); ++slot) {
      if (ages_[slot] == 0) {
        continue;
      }
      reference::Bytes obs(lane.stack() * lane.frame_bytes());
      reference::Bytes next_obs(obs.size());
      const SlotIndex slot_index{.lane = 0, .slot = slot};
      gather_stacks(*ring, {&slot_index, 1}, obs.data(), next_obs.data());
      CAPTURE(slot);
      REQUIRE((obs == stack(slot - 1)));
      REQUIRE((next_obs == stack(slot)));
    }
  }

  [[nodiscard]] reference::Bytes stack(std::uint64_t slot) const {
    reference::Bytes all;
    for (std::uint64_t back = lane.stack(); back-- > 0;) {
      const reference::Bytes& frame = frames_[slot - std::min<std::uint64_t>(back, ages_[slot])];
      all.insert(all.end(), frame.begin(), frame.end());
    }
    return all;
  }

  // The lowest slot whose record and words a frame that was just written has left alone.
  [[nodiscard]] std::uint64_t lowest_untouched() const {
    const std::uint64_t newest = frames_.size() - 1;
    std::uint64_t slot = newest < lane.slots() ? 0 : newest + 1 - lane.slots();
    while (locations_[newest].end > locations_[slot].begin() + lane.arena_words()) {
      ++slot;
    }
    return slot;
  }

  [[nodiscard]] bool is_delta(std::uint64_t slot) const {
    return slot > 0 && locations_[slot].begin() == locations_[slot - 1].begin();
  }

  [[nodiscard]] const std::vector<FrameLocation>& locations() const { return locations_; }

 private:
  LaneWriter writer_;
  std::vector<reference::Bytes> frames_;
  std::vector<std::uint64_t> ages_;
  std::vector<FrameLocation> locations_;
};

}  // namespace framering::ring
