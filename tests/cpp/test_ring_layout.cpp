#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "ring/layout.hpp"
#include "ring/ring.hpp"

using framering::ring::FrameLocation;
using framering::ring::Geometry;
using framering::ring::Layout;
using framering::ring::Memory;
using framering::ring::pack;
using framering::ring::Record;
using framering::ring::Ring;
using framering::ring::unpack;

namespace {
constexpr Geometry kAtari{.lanes = 3,
                          .slots = 1000,
                          .frame_bytes = std::uint64_t{84} * 84,
                          .stack = 4,
                          .action_bytes = 8};
constexpr Geometry kEncoded{.lanes = 3,
                            .slots = 1000,
                            .frame_bytes = std::uint64_t{84} * 84,
                            .stack = 4,
                            .action_bytes = 8,
                            .row_bytes = 84};
}  // namespace

TEST_CASE("a record comes back as it was packed") {
  const Record record{.ordinal = (std::uint64_t{1} << 47U) + 5,
                      .age = 0xfffe,
                      .obs_age = 17,
                      .reward = -1.5F,
                      .distance = 4097,
                      .transition = true,
                      .terminated = false,
                      .truncated = true};
  std::array<std::uint64_t, framering::ring::kRecordFieldWords> words{};
  pack(record, words.data());
  const Record back = unpack(words.data());
  CHECK(back.ordinal == record.ordinal);
  CHECK(back.age == record.age);
  CHECK(back.obs_age == record.obs_age);
  CHECK(back.reward == record.reward);
  CHECK(back.distance == record.distance);
  CHECK(back.transition);
  CHECK_FALSE(back.terminated);
  CHECK(back.truncated);
}

TEST_CASE("a record of the greatest values comes back as it was packed") {
  const Record record{.ordinal = (std::uint64_t{1} << 48U) - 1,
                      .age = framering::ring::kMostAge,
                      .obs_age = framering::ring::kMostAge,
                      .reward = 0,
                      .distance = 0x1fff,
                      .transition = true,
                      .terminated = true,
                      .truncated = true};
  std::array<std::uint64_t, framering::ring::kRecordFieldWords> words{};
  pack(record, words.data());
  const Record back = unpack(words.data());
  CHECK(back.ordinal == record.ordinal);
  CHECK(back.age == record.age);
  CHECK(back.obs_age == record.obs_age);
  CHECK(back.reward == record.reward);
  CHECK(back.distance == record.distance);
  CHECK(back.transition);
  CHECK(back.terminated);
  CHECK(back.truncated);
}

TEST_CASE("a frame's location comes back as it was packed") {
  const FrameLocation location{.end = (std::uint64_t{1} << 48U) - 1,
                               .span = framering::ring::kMostSpan};
  const FrameLocation back = framering::ring::unpack_location(pack(location));
  CHECK(back.end == location.end);
  CHECK(back.span == location.span);
  CHECK(back.begin() == location.end - location.span);
}

TEST_CASE("a slot takes 24 bytes of record, and 8 more where its frame is encoded") {
  CHECK(Layout(kAtari).record_words() * 8 == 24);
  CHECK(Layout(kEncoded).record_words() * 8 == 32);
  CHECK(Layout(kAtari).frame_words() * 8 == 84 * 84);
}

TEST_CASE("lanes and frames start on pages and do not overlap") {
  for (const Geometry& geometry : {kAtari, kEncoded}) {
    const Layout layout(geometry);
    const std::size_t records = geometry.slots * layout.record_words() * 8;
    CHECK(layout.lane_offset(0) >= sizeof(framering::ring::Header));
    CHECK(layout.lane_offset(1) >=
          layout.lane_offset(0) + sizeof(framering::ring::Counters) + records);
    CHECK(layout.frames_offset(0) >=
          layout.lane_offset(2) + sizeof(framering::ring::Counters) + records);
    for (std::size_t lane = 0; lane < 3; ++lane) {
      CHECK(layout.lane_offset(lane) % 4096 == 0);
      CHECK(layout.frames_offset(lane) % 4096 == 0);
      CHECK(layout.frames_offset(lane + 1) >=
            layout.frames_offset(lane) + layout.arena_words() * 8);
    }
    CHECK(layout.arena_words() * 8 >= std::size_t{1000} * 84 * 84);
    CHECK(layout.bytes() == layout.frames_offset(3));
  }
}

TEST_CASE("an arena is whole pages, and no larger than memory_limit allows") {
  Geometry geometry = kEncoded;
  const std::size_t unlimited = Layout(geometry).bytes();
  CHECK(Layout(geometry).arena_words() % 512 == 0);
  for (const std::uint64_t limit : {1'000'000U, 2'345'678U, 10'000'000U}) {
    geometry.memory_limit = limit;
    const Layout layout(geometry);
    CHECK(layout.arena_words() % 512 == 0);
    CHECK(layout.bytes() - layout.lane_offset(0) <= limit);
    CHECK(layout.bytes() - layout.lane_offset(0) + std::size_t{3} * 2 * 4096 > limit);
  }
  geometry.memory_limit = 1'000'000'000;
  CHECK(Layout(geometry).bytes() == unlimited);
}

TEST_CASE("a geometry that no ring can have is refused") {
  const auto refused = [](auto change) {
    Geometry geometry = kAtari;
    change(geometry);
    CHECK_THROWS_AS(Layout{geometry}, std::invalid_argument);
  };
  refused([](Geometry& geometry) { geometry.lanes = 0; });
  refused([](Geometry& geometry) { geometry.frame_bytes = 0; });
  refused([](Geometry& geometry) { geometry.stack = 0; });
  refused([](Geometry& geometry) { geometry.action_bytes = 0; });
  refused([](Geometry& geometry) { geometry.slots = 8; });
  refused([](Geometry& geometry) {
    geometry.slots = std::uint64_t{1} << 32U;
    geometry.frame_bytes = std::uint64_t{1} << 32U;
  });
  refused([](Geometry& geometry) { geometry.row_bytes = 83; });
  refused([](Geometry& geometry) {
    geometry.row_bytes = 8;
    geometry.frame_bytes = 8 * framering::ring::kMostSpan;
  });
  refused([](Geometry& geometry) {
    geometry.row_bytes = 84;
    geometry.memory_limit = 500'000;
  });
}

TEST_CASE("attach finds the same geometry, and refuses what is no ring of this layout") {
  const Ring ring(kEncoded, Memory::kShared);
  CHECK(Ring::attach(ring.descriptor()).geometry() == kEncoded);

  const auto mapping = framering::system::Mapping::attach(ring.descriptor());
  const auto flipped = [&](std::size_t offset) {
    mapping.data()[offset] ^= std::byte{1};
    CHECK_THROWS_AS(Ring::attach(ring.descriptor()), std::invalid_argument);
    mapping.data()[offset] ^= std::byte{1};
  };
  flipped(offsetof(framering::ring::Header, magic));
  flipped(offsetof(framering::ring::Header, version));
  flipped(offsetof(framering::ring::Header, geometry));
  flipped(offsetof(framering::ring::Header, bytes));
  CHECK_NOTHROW(Ring::attach(ring.descriptor()));
}
