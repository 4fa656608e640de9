#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <span>
#include <vector>

#include "encoded_ring_fixture.hpp"
#include "ring/frame_reader.hpp"
#include "ring/frame_writer.hpp"
#include "ring/snapshot.hpp"
#include "ring/window.hpp"

using namespace framering::ring;
using reference::Bytes;

namespace {

constexpr Geometry kSmall{
    .lanes = 1, .slots = 60, .frame_bytes = 1071, .stack = 3, .action_bytes = 8, .row_bytes = 63};

Geometry with_limit(std::uint64_t memory_limit, std::uint64_t slots = kSmall.slots) {
  Geometry geometry = kSmall;
  geometry.memory_limit = memory_limit;
  geometry.slots = slots;
  return geometry;
}

// The least that a ring of this geometry takes.
std::uint64_t least_limit(Geometry geometry) {
  const auto fits = [&] {
    try {
      return Layout(geometry).bytes() > 0;
    } catch (const std::invalid_argument&) {
      return false;
    }
  };
  for (geometry.memory_limit = 4096; !fits();) {
    geometry.memory_limit += 512;
  }
  return geometry.memory_limit;
}

std::vector<std::uint8_t> snapshot(const std::shared_ptr<Ring>& ring) {
  WindowFinder finder(ring, 1000);
  Window window;
  finder.find(0, window);
  std::vector<std::uint8_t> bytes;
  write_snapshot(*ring, window, finder.forgotten_ordinals(), {},
                 [&](std::span<const std::uint8_t> part) {
                   bytes.insert(bytes.end(), part.begin(), part.end());
                 });
  return bytes;
}

void load(const std::shared_ptr<Ring>& ring, std::span<const std::uint8_t> bytes) {
  const Source source{.size = bytes.size(), .read = [&](std::span<std::uint8_t> out) {
                        const std::size_t number = std::min(out.size(), bytes.size());
                        std::ranges::copy(bytes.first(number), out.begin());
                        bytes = bytes.subspan(number);
                        return number;
                      }};
  publish_slots(*ring, load_slots(ring, source, {.format = {}, .capacity = 1000}));
}

}  // namespace

TEST_CASE("frames of all kinds are read as they were written, many times around the arena") {
  std::mt19937_64 generator(1);
  RecordedLane recorded(kSmall);
  for (int i = 0; i < 1500; ++i) {
    recorded.write_any(generator);
    if (i % 10 == 0) {
      recorded.require_whole();
    }
  }
  CHECK(recorded.locations().back().end > 3 * recorded.lane.arena_words());
}

TEST_CASE("without a limit, all slots stay whole, however little can be encoded") {
  std::mt19937_64 generator(2);
  RecordedLane recorded(kSmall);
  for (std::uint64_t slot = 0; slot < 600; ++slot) {
    recorded.write(reference::noise(kSmall.frame_bytes, generator), slot % 7 == 0);
    REQUIRE(recorded.lane.oldest() == (slot < kSmall.slots ? 0 : slot + 1 - kSmall.slots));
  }
  recorded.require_whole();
}

TEST_CASE("no encoded frame lies across the arena's end, nor where another one is still needed") {
  std::mt19937_64 generator(3);
  RecordedLane recorded(with_limit(70'000));
  const std::uint64_t arena = recorded.lane.arena_words();
  std::uint64_t end = 0;
  for (std::uint64_t slot = 0; slot < 3000; ++slot) {
    recorded.write_any(generator);
    const FrameLocation location = recorded.locations().back();
    const std::uint64_t begin = recorded.is_delta(slot) ? end : location.begin();
    REQUIRE(begin >= end);
    REQUIRE(begin / arena == (location.end - 1) / arena);
    // What a delta needs lies right before it, on the same side of the arena's end.
    REQUIRE(location.begin() / arena == begin / arena);
    end = location.end;
  }
}

TEST_CASE("at a limit, exactly as many slots are dropped as the newest frame takes the room of") {
  std::mt19937_64 generator(4);
  for (const std::uint64_t limit : {least_limit(kSmall), std::uint64_t{45'000}}) {
    CAPTURE(limit);
    RecordedLane recorded(with_limit(limit));
    std::uint64_t oldest = 0;
    std::uint64_t fewest = kSmall.slots;
    for (std::uint64_t slot = 0; slot < 3000; ++slot) {
      recorded.write_any(generator);
      oldest = std::max(oldest, recorded.lowest_untouched());
      REQUIRE(recorded.lane.oldest() == oldest);
      fewest = std::min(fewest, slot < 100 ? fewest : slot + 1 - oldest);
      if (slot % 20 == 0) {
        recorded.require_whole();
      }
    }
    CHECK(fewest < kSmall.slots);
    CHECK(fewest >= 2 * kSmall.stack + 2);
  }
}

TEST_CASE("the smallest arena keeps a transition's stacks, also of noise") {
  std::mt19937_64 generator(5);
  RecordedLane recorded(with_limit(least_limit(kSmall)));
  for (std::uint64_t slot = 0; slot < 500; ++slot) {
    recorded.write(reference::noise(kSmall.frame_bytes, generator), slot % 50 == 0);
    REQUIRE(slot + 1 - recorded.lane.oldest() >= std::min(slot + 1, 2 * kSmall.stack + 2));
    recorded.require_whole();
  }
}

TEST_CASE("of any 16 frames in a row, one is no delta") {
  RecordedLane recorded(kSmall);
  for (std::uint64_t slot = 0; slot < 200; ++slot) {
    recorded.write(Bytes(kSmall.frame_bytes, 5), false);
    CHECK(recorded.is_delta(slot) == (slot % kKeyInterval != 0));
  }
  recorded.require_whole();
}

TEST_CASE("a span is never longer than a location can say") {
  std::mt19937_64 generator(6);
  constexpr Geometry kLarge{.lanes = 1,
                            .slots = 9,
                            .frame_bytes = 100'800,
                            .stack = 4,
                            .action_bytes = 8,
                            .row_bytes = 480};
  RecordedLane recorded(kLarge);
  Bytes frame = reference::noise(kLarge.frame_bytes, generator);
  std::uint64_t longest = 0;
  for (std::uint64_t slot = 0; slot < 40; ++slot) {
    recorded.write(frame, false);
    longest = std::max(longest, recorded.locations().back().span);
    REQUIRE(recorded.locations().back().span <= kMostSpan);
    for (std::size_t i = 0; i < frame.size(); i += generator() % 3 == 0 ? 16U : 8U) {
      frame[i] ^= 1U;
    }
  }
  CHECK(longest > kMostSpan - 12'600);
  recorded.require_whole();
}

TEST_CASE("the largest frames that can be encoded fit their arena") {
  std::mt19937_64 generator(7);
  constexpr Geometry kLargest{.lanes = 1,
                              .slots = 5,
                              .frame_bytes = 8 * (kMostSpan - 1),
                              .stack = 2,
                              .action_bytes = 8,
                              .row_bytes = 8};
  RecordedLane recorded(kLargest);
  for (int i = 0; i < 60; ++i) {
    recorded.write(i % 3 == 0 ? Bytes(kLargest.frame_bytes)
                              : reference::noise(kLargest.frame_bytes, generator),
                   false);
  }
  recorded.require_whole();
}

TEST_CASE("a writer's successor needs no frame of its predecessor, and drops nothing before time") {
  std::mt19937_64 generator(8);
  for (const Memory memory : {Memory::kPrivate, Memory::kShared}) {
    RecordedLane recorded(with_limit(45'000), memory);
    std::uint64_t oldest = 0;
    for (int i = 0; i < 200; ++i) {
      recorded.replace_writer();
      recorded.write(reference::noise(kSmall.frame_bytes, generator), true);
      oldest = std::max(oldest, recorded.lowest_untouched());
      REQUIRE(recorded.lane.oldest() == oldest);
      for (std::uint64_t more = generator() % 8; more > 0; --more) {
        recorded.write_any(generator);
        oldest = std::max(oldest, recorded.lowest_untouched());
      }
      recorded.require_whole();
    }
  }
}

TEST_CASE(
    "a writer that dies with its frame half written leaves all slots that it has not claimed") {
  std::mt19937_64 generator(9);
  RecordedLane recorded(with_limit(45'000));
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 13; ++i) {
      recorded.write_any(generator);
    }
    const std::uint64_t next = recorded.lane.published();
    {
      FrameWriter dying(recorded.ring, 0);
      dying.prepare(next, reference::noise(kSmall.frame_bytes, generator).data(), true);
      begin_write(recorded.lane.counters(), dying.oldest());
      if (round % 2 == 0) {
        dying.store(next);
      }
    }
    const std::uint64_t claimed = recorded.lane.oldest();
    recorded.require_whole();
    recorded.replace_writer();
    recorded.write(reference::noise(kSmall.frame_bytes, generator), true);
    CHECK(recorded.lane.oldest() >= claimed);
    recorded.require_whole();
  }
}

TEST_CASE("a loaded ring holds what was saved, and its writer goes on with a frame of its own") {
  std::mt19937_64 generator(10);
  RecordedLane recorded(with_limit(45'000, 100));
  for (int i = 0; i < 300; ++i) {
    recorded.write_any(generator);
  }
  recorded.write(reference::noise(kSmall.frame_bytes, generator), false);
  const auto saved = snapshot(recorded.ring);
  for (const std::uint64_t limit : {std::uint64_t{0}, std::uint64_t{60'000}, least_limit(kSmall)}) {
    CAPTURE(limit);
    const auto ring = std::make_shared<Ring>(with_limit(limit, 100), Memory::kPrivate);
    load(ring, saved);
    const Lane lane = ring->lane(0);
    REQUIRE(lane.published() == recorded.lane.published());
    // All that a window can have, as far as there is room.
    CHECK(lane.oldest() >= recorded.lane.oldest());
    CHECK((limit != 0 || lane.oldest() <= recorded.lane.oldest() + 1));
    LaneWriter writer(ring, 0);
    writer.resume_segment();
    Bytes frame = recorded.stack(lane.published() - 1);
    frame.erase(frame.begin(), frame.end() - static_cast<std::ptrdiff_t>(kSmall.frame_bytes));
    frame[17] ^= 1U;
    const std::uint64_t slot =
        writer.append(frame.data(), {.action = reinterpret_cast<const std::uint8_t*>(&kNoAction)});
    CHECK(lane.load_location(slot).begin() >= lane.load_location(slot - 1).end);
    for (std::uint64_t old = lane.oldest() + 2 * lane.stack() - 1; old < slot; ++old) {
      if (!lane.load_record(old).transition) {
        continue;
      }
      Bytes obs(lane.stack() * lane.frame_bytes());
      Bytes next_obs(obs.size());
      const SlotIndex slot_index{.lane = 0, .slot = old};
      gather_stacks(*ring, {&slot_index, 1}, obs.data(), next_obs.data());
      REQUIRE((obs == recorded.stack(old - 1)));
      REQUIRE((next_obs == recorded.stack(old)));
    }
  }
}

TEST_CASE("a window with a guard survives that many frames of noise") {
  std::mt19937_64 generator(11);
  for (const std::uint64_t guard : {1U, 5U, 20U, 40U}) {
    CAPTURE(guard);
    RecordedLane recorded(with_limit(100'000, 200));
    for (int round = 0; round < 40; ++round) {
      for (std::uint64_t more = 1 + generator() % 60; more > 0; --more) {
        recorded.write_any(generator);
      }
      WindowFinder finder(recorded.ring, 1000);
      Window window;
      finder.find(guard, window);
      const LaneWindow& found = window.lanes.at(0);
      REQUIRE((found.low < found.high || guard == 40));
      for (std::uint64_t i = 0; i < guard; ++i) {
        recorded.write(reference::noise(kSmall.frame_bytes, generator), generator() % 5 == 0);
      }
      const std::uint64_t reach = 2 * kSmall.stack - 1;
      REQUIRE((found.low == found.high ||
               recorded.lane.oldest() <= (found.low < reach ? 0 : found.low - reach)));
      recorded.require_whole();
    }
  }
}

TEST_CASE("frames whose words are zeros are no frames") {
  RecordedLane recorded(kSmall);
  std::mt19937_64 generator(12);
  for (int i = 0; i < 20; ++i) {
    recorded.write(reference::noise(kSmall.frame_bytes, generator), false);
  }
  // As if they were given back to a system that takes pages at once.
  std::fill_n(recorded.lane.arena(0), recorded.lane.arena_words(), 0);
  FrameReader reader(recorded.ring->layout());
  Bytes out((kSmall.stack + 1) * kSmall.frame_bytes);
  CHECK_FALSE(reader.load_block(recorded.lane, 10, 10, out.data()));
  const SlotIndex slot_index{.lane = 0, .slot = 10};
  CHECK_THROWS_AS(gather_blocks(*recorded.ring, {&slot_index, 1}, out.data()), std::logic_error);
}

TEST_CASE("a reader takes any words and any locations") {
  std::mt19937_64 generator(13);
  RecordedLane recorded(with_limit(45'000));
  for (int i = 0; i < 100; ++i) {
    recorded.write_any(generator);
  }
  FrameReader reader(recorded.ring->layout());
  const Lane& lane = recorded.lane;
  Bytes out((kSmall.stack + 1) * kSmall.frame_bytes);
  for (int round = 0; round < 20'000; ++round) {
    for (int i = 0; i < 4; ++i) {
      const std::uint64_t bits = std::uint64_t{1} << generator() % 64;
      *lane.arena(generator() % lane.arena_words()) ^= bits;
      std::uint64_t* location = lane.record(generator() % lane.slots()) + Layout::location_word();
      const std::uint64_t draw = generator() % 4;
      *location = draw == 0 ? generator() : draw == 1 ? 0 : *location ^ bits;
    }
    const std::uint64_t slot = generator() % (2 * lane.slots());
    const std::uint64_t age = generator() % 3 == 0 ? kMostAge : generator() % 5;
    reader.prefetch(lane, slot, slot + generator() % 4);
    reader.load_stack(lane, slot, age, out.data());
    reader.load_block(lane, slot, age, out.data());
  }
}
