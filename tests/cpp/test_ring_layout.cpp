#include <doctest/doctest.h>

#include <array>
#include <cstring>
#include <stdexcept>

#include "ring/layout.hpp"
#include "ring/ring.hpp"

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
}

TEST_CASE("a record comes back as it was packed") {
  const Record record{.ordinal = (std::uint64_t{1} << 60U) + 5,
                      .age = 0xfffffffe,
                      .obs_age = 17,
                      .reward = -1.5F,
                      .distance = 0xabcd,
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

TEST_CASE("a slot takes its frame and 32 bytes of record") {
  const Layout layout(kAtari);
  CHECK(layout.record_words() * 8 == 32);
  CHECK(layout.frame_words() * 8 == 84 * 84);
}

TEST_CASE("lanes and frames start on pages and do not overlap") {
  const Layout layout(kAtari);
  CHECK(layout.lane_offset(0) % 4096 == 0);
  CHECK(layout.frames_offset() % 4096 == 0);
  CHECK(layout.frames_offset() >= layout.records_offset() + std::size_t{1000} * 32);
  CHECK(layout.lane_offset(1) >=
        layout.lane_offset(0) + layout.frames_offset() + std::size_t{1000} * 84 * 84);
  CHECK(layout.bytes() == layout.lane_offset(3));
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
}

TEST_CASE("attach finds the same geometry, and refuses what is no ring of this layout") {
  const Ring ring(kAtari, Memory::kShared);
  CHECK(Ring::attach(ring.descriptor()).geometry() == kAtari);

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
