#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "ring/window.hpp"
#include "ring_fixture.hpp"

using namespace framering::ring;

namespace {

const std::uint64_t kAction = 0;

// Episodes of `length` transitions, each after a reset.
void write_episodes(LaneWriter& writer, int number, int length) {
  for (int episode = 0; episode < number; ++episode) {
    writer.begin_segment(frame(episode).data());
    for (int i = 0; i < length; ++i) {
      writer.append(frame(i).data(), step(kAction));
    }
  }
}

LaneWindow window(WindowFinder& finder, std::uint64_t guard = 0) {
  Window found;
  finder.find(guard, found);
  return found.lanes.at(0);
}

}  // namespace

TEST_CASE("a window holds exactly the newest transitions") {
  const auto ring = small_ring(100);
  LaneWriter writer(ring, 0);
  WindowFinder finder(ring, 20);
  for (int i = 0; i < 60; ++i) {
    write_episodes(writer, 1, 1 + i % 7);
    const LaneWindow found = window(finder);
    const std::uint64_t newest = ring->lane(0).read_record(found.high - 1)->ordinal;
    CHECK(found.high == ring->lane(0).published());
    CHECK(found.transitions == std::min<std::uint64_t>(newest, 20));
    const Record oldest = *ring->lane(0).read_record(found.low);
    if (newest > 20) {
      CHECK(oldest.transition);
      CHECK(oldest.ordinal == newest - 19);
    }
  }
}

TEST_CASE("a finder that starts late agrees with one that has followed") {
  const auto ring = small_ring(64);
  LaneWriter writer(ring, 0);
  WindowFinder follower(ring, 30);
  for (int i = 0; i < 50; ++i) {
    write_episodes(writer, 1, i % 9);
    WindowFinder fresh(ring, 30);
    CHECK(window(follower).low == window(fresh).low);
  }
}

TEST_CASE("short episodes cost the oldest transitions") {
  const auto ring = small_ring(46, 1, 3);  // 40 slots of them to draw from
  LaneWriter writer(ring, 0);
  write_episodes(writer, 100, 1);
  WindowFinder finder(ring, 1000);
  CHECK(window(finder).transitions == 20);
}

TEST_CASE("a guard keeps away from what will be overwritten next") {
  const auto ring = small_ring(46, 1, 3);
  LaneWriter writer(ring, 0);
  write_episodes(writer, 1, 99);
  WindowFinder finder(ring, 1000);
  CHECK(window(finder).low == 60);
  CHECK(window(finder, 10).low == 70);
  CHECK_THROWS_AS(window(finder, 40), std::invalid_argument);
}

TEST_CASE("an empty lane has an empty window") {
  const auto ring = small_ring(46, 2);
  WindowFinder finder(ring, 10);
  Window found;
  finder.find(0, found);
  CHECK(found.transitions == 0);
  CHECK(found.slots() == 0);
  LaneWriter writer(ring, 1);
  write_episodes(writer, 1, 5);
  finder.find(0, found);
  CHECK(found.transitions == 5);
  CHECK(found.lanes[0].transitions == 0);
}

TEST_CASE("what was forgotten is in no window and not counted") {
  const auto ring = small_ring(46);
  LaneWriter writer(ring, 0);
  write_episodes(writer, 2, 5);
  WindowFinder finder(ring, 1000);
  finder.forget();
  CHECK(window(finder).transitions == 0);
  CHECK(finder.transitions_seen().at(0) == 0);
  write_episodes(writer, 1, 3);
  CHECK(window(finder).transitions == 3);
  CHECK(finder.transitions_seen().at(0) == 3);
}

// More threads than cores search, so that some are interrupted within a search, for many laps.
TEST_CASE("a window that is found while the lane is lapped has transitions") {
  for (const std::uint64_t row_bytes : {0U, 8U}) {
    const auto ring = std::make_shared<Ring>(Geometry{.lanes = 1,
                                                      .slots = 20,
                                                      .frame_bytes = 64,
                                                      .stack = 2,
                                                      .action_bytes = 8,
                                                      .row_bytes = row_bytes},
                                             Memory::kPrivate);
    const Bytes image(ring->geometry().frame_bytes);
    LaneWriter writer(ring, 0);
    writer.begin_segment(image.data());
    writer.append(image.data(), step(kAction));
    std::atomic<int> empty = 0;
    {
      std::array<std::jthread, 8> readers;
      for (std::jthread& reader : readers) {
        reader = std::jthread([&](const std::stop_token& stop) {
          WindowFinder finder(ring, 10);
          while (!stop.stop_requested()) {
            empty += window(finder).transitions == 0 ? 1 : 0;
          }
        });
      }
      const auto begin = std::chrono::steady_clock::now();
      while (std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(500)) {
        writer.append(image.data(), step(kAction));
      }
    }
    CAPTURE(row_bytes);
    CHECK(empty == 0);
  }
}

TEST_CASE("a window without capacity is refused") {
  CHECK_THROWS_AS(WindowFinder(small_ring(), 0), std::invalid_argument);
}

TEST_CASE("a transition is found by its ordinal wherever in the window it is") {
  const auto ring = small_ring(100);
  LaneWriter writer(ring, 0);
  WindowFinder finder(ring, 20);
  for (int i = 0; i < 60; ++i) {
    write_episodes(writer, 1, 1 + i % 7);
    const Lane lane = ring->lane(0);
    const LaneWindow found = window(finder);
    const std::uint64_t newest = lane.read_record(found.high - 1)->ordinal;
    for (std::uint64_t ordinal = newest - found.transitions + 1; ordinal <= newest; ++ordinal) {
      const auto slot = find_transition(lane, found, ordinal);
      REQUIRE(slot);
      CHECK(lane.read_record(*slot)->ordinal == ordinal);
      CHECK(lane.read_record(*slot)->transition);
    }
    CHECK(!find_transition(lane, found, newest - found.transitions));
    CHECK(!find_transition(lane, found, newest + 1));
  }
}

TEST_CASE("context at the start of a window is no transition") {
  const auto ring = small_ring(46, 1, 3);
  LaneWriter writer(ring, 0);
  write_episodes(writer, 2, 2);
  const Lane lane = ring->lane(0);
  // Slots: a reset, transitions 1 and 2, a reset with the ordinal of 2, transitions 3 and 4.
  const LaneWindow late{.low = 3, .high = 6, .transitions = 2};
  CHECK(!find_transition(lane, late, 2));
  CHECK(find_transition(lane, late, 3) == 4);
}
