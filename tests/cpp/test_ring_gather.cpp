#include <doctest/doctest.h>

#include <stdexcept>

#include "ring_fixture.hpp"

using namespace framering::ring;

namespace {

const std::uint64_t kAction = 0;

// One segment of frames 1, 2, 3, …
std::shared_ptr<Ring> ring_with_segment(int frames, std::uint64_t slots = 16) {
  auto ring = small_ring(slots);
  LaneWriter writer(ring, 0);
  writer.begin_segment(frame(1).data());
  for (int i = 2; i <= frames; ++i) {
    writer.append(frame(i).data(), step(kAction));
  }
  return ring;
}

Bytes block(const Ring& ring, SlotIndex slot_index) {
  Bytes out((ring.geometry().stack + 1) * kFrameBytes);
  gather_blocks(ring, {&slot_index, 1}, out.data());
  return out;
}

}  // namespace

TEST_CASE("the newest stack repeats a segment's first frame until there are enough") {
  CHECK(newest(*ring_with_segment(1)) == stack({1, 1, 1}));
  CHECK(newest(*ring_with_segment(2)) == stack({1, 1, 2}));
  CHECK(newest(*ring_with_segment(3)) == stack({1, 2, 3}));
  CHECK(newest(*ring_with_segment(4)) == stack({2, 3, 4}));
}

TEST_CASE("the newest stacks of some lanes are gathered in order") {
  const auto ring = small_ring(16, 3);
  for (std::size_t lane = 0; lane < 3; ++lane) {
    LaneWriter(ring, lane).begin_segment(frame(static_cast<int>(lane)).data());
  }
  Bytes out(std::size_t{2} * 3 * kFrameBytes);
  gather_newest(*ring, 1, 2, out.data());
  CHECK(out == stack({1, 1, 1, 2, 2, 2}));
}

TEST_CASE("an empty lane has no newest stack") {
  const auto ring = small_ring();
  Bytes out(3 * kFrameBytes);
  CHECK_THROWS_AS(gather_newest(*ring, 0, 1, out.data()), std::logic_error);
}

TEST_CASE("a block holds obs and next_obs of a shifted transition") {
  const auto ring = ring_with_segment(5);
  CHECK(block(*ring, {0, 1}) == stack({1, 1, 1, 2}));
  CHECK(block(*ring, {0, 2}) == stack({1, 1, 2, 3}));
  CHECK(block(*ring, {0, 4}) == stack({2, 3, 4, 5}));
}

TEST_CASE("a transition that is not shifted fits no block") {
  const auto ring = small_ring();
  LaneWriter writer(ring, 0);
  const std::uint64_t slot =
      writer.add(stack({1, 2, 3}).data(), stack({4, 5, 6}).data(), step(kAction));
  CHECK_THROWS_AS(block(*ring, {0, slot}), std::invalid_argument);
}

TEST_CASE("a slot that is no transition is refused") {
  const auto ring = ring_with_segment(100);
  CHECK_THROWS_AS(block(*ring, {0, 0}), std::out_of_range);                  // overwritten
  CHECK_THROWS_AS(block(*ring, {0, 100}), std::out_of_range);                // not written
  CHECK_THROWS_AS(block(*ring, {1, 99}), std::out_of_range);                 // no such lane
  CHECK_THROWS_AS(block(*ring_with_segment(3), {0, 0}), std::out_of_range);  // context
}

TEST_CASE("a transition is refused as soon as the oldest frame of its obs is gone") {
  // Slots 84 … 99 are there. The obs that ends at 86 reads 84; the one that ends at 85 reads 83.
  const auto ring = ring_with_segment(100, 16);
  CHECK_NOTHROW(block(*ring, {0, 87}));
  CHECK_THROWS_AS(block(*ring, {0, 86}), std::out_of_range);
}
