#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <optional>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "system/worker_channel.hpp"

using namespace std::chrono_literals;
using framering::system::LaneTasks;
using framering::system::WorkerChannel;
using Lanes = std::vector<std::size_t>;

namespace {

constexpr std::chrono::microseconds kLong = 20s;

}  // namespace

TEST_CASE("a channel without lanes has no tasks") {
  const WorkerChannel channel(1, 10);
  CHECK(channel.tasks().take_ready().empty());
  CHECK_THROWS_AS(channel.tasks().start(0), std::out_of_range);
}

TEST_CASE("lanes are taken in the order in which they finish, each once") {
  const WorkerChannel channel(1, 0, 4);
  const LaneTasks tasks = channel.tasks();
  for (const std::size_t lane : Lanes{0, 1, 2, 3}) {
    tasks.start(lane);
  }
  CHECK(tasks.running(0, 4) == Lanes{0, 1, 2, 3});
  CHECK(tasks.running(1, 3) == Lanes{1, 2});
  for (const std::size_t lane : Lanes{2, 0, 3}) {
    tasks.finish(lane);
  }
  CHECK(tasks.running(0, 4) == Lanes{1});
  CHECK(tasks.wait_ready(3, 0us, kLong) == 3);
  CHECK(tasks.take_ready() == Lanes{2, 0, 3});
  CHECK(tasks.take_ready().empty());
  tasks.start(3);
  tasks.finish(3);
  tasks.finish(1);
  CHECK(tasks.take_ready() == Lanes{3, 1});
}

TEST_CASE("lanes that are not taken stay ready, in their order") {
  const WorkerChannel channel(0, 0, 3);
  const LaneTasks tasks = channel.tasks();
  for (const std::size_t lane : Lanes{0, 1, 2}) {
    tasks.start(lane);
  }
  for (const std::size_t lane : Lanes{2, 0, 1}) {
    tasks.finish(lane);
  }
  CHECK(tasks.take_ready(0).empty());
  CHECK(tasks.take_ready(2) == Lanes{2, 0});
  CHECK_THROWS_AS(tasks.start(1), std::logic_error);
  tasks.start(2);
  tasks.finish(2);
  CHECK(tasks.take_ready(3) == Lanes{1, 2});
}

TEST_CASE("the parent executes its own lanes in their order, until enough lanes are ready") {
  const WorkerChannel channel(1, 0, 4);
  const LaneTasks tasks = channel.tasks();
  CHECK(tasks.next_own(2, 1) == std::nullopt);
  for (const std::size_t lane : Lanes{3, 1, 2, 0}) {
    tasks.start(lane);
  }
  CHECK(tasks.next_own(0, 1) == std::nullopt);
  CHECK(tasks.next_own(2, 0) == std::nullopt);
  CHECK(tasks.next_own(2, 2) == 1);
  tasks.finish(3);
  CHECK(tasks.next_own(2, 1) == std::nullopt);
  CHECK(tasks.next_own(2, 2) == 1);
  tasks.finish(1);
  CHECK(tasks.next_own(2, 2) == std::nullopt);
  CHECK(tasks.next_own(2, 3) == 0);
  CHECK_THROWS_AS((void)tasks.next_own(5, 1), std::out_of_range);
}

TEST_CASE("an own lane is executed after many starts of others, although enough are ready") {
  const WorkerChannel channel(1, 0, 2);
  const LaneTasks tasks = channel.tasks();
  tasks.start(0);
  for (std::size_t starts = 0; starts < 4; ++starts) {
    tasks.start(1);
    tasks.finish(1);
    CHECK(tasks.next_own(1, 1) == (starts < 3 ? std::nullopt : std::optional<std::size_t>(0)));
    CHECK(tasks.take_ready(1) == Lanes{1});
  }
  tasks.finish(0);
  CHECK(tasks.next_own(1, 1) == std::nullopt);
}

TEST_CASE("a worker finds its lanes in the order in which they were started") {
  const WorkerChannel channel(1, 0, 4);
  const LaneTasks tasks = channel.tasks();
  for (const std::size_t lane : Lanes{3, 0, 2}) {
    tasks.start(lane);
  }
  CHECK(tasks.running(0, 4) == Lanes{3, 0, 2});
  tasks.finish(3);
  CHECK(tasks.take_ready() == Lanes{3});
  tasks.start(1);
  tasks.start(3);
  CHECK(tasks.running(0, 4) == Lanes{0, 2, 1, 3});
}

TEST_CASE("a wait for more lanes than are ready ends by its timeout") {
  const WorkerChannel channel(1, 0, 3);
  const LaneTasks tasks = channel.tasks();
  tasks.start(0);
  tasks.start(1);
  tasks.finish(1);
  CHECK(tasks.wait_ready(2, 0us, 1ms) == 1);
  tasks.finish(0);
  CHECK(tasks.wait_ready(2, 0us, kLong) == 2);
}

TEST_CASE("a lane whose result was not taken is not started, nor one that does not exist") {
  const WorkerChannel channel(1, 0, 2);
  const LaneTasks tasks = channel.tasks();
  tasks.start(0);
  CHECK_THROWS_AS(tasks.start(0), std::logic_error);
  tasks.finish(0);
  CHECK_THROWS_AS(tasks.start(0), std::logic_error);
  CHECK(tasks.take_ready() == Lanes{0});
  tasks.start(0);
  CHECK_THROWS_AS(tasks.start(2), std::out_of_range);
  CHECK_THROWS_AS(tasks.finish(2), std::out_of_range);
  CHECK_THROWS_AS((void)tasks.running(0, 3), std::out_of_range);
}

TEST_CASE("a successor finds the lanes that a dead worker was running") {
  WorkerChannel channel(1, 0, 3);
  const LaneTasks tasks = channel.tasks();
  for (const std::size_t lane : Lanes{0, 1, 2}) {
    tasks.start(lane);
  }
  channel.request(0);
  CHECK(channel.wait_running(0, 0, 3, 0us, kLong) == Lanes{0, 1, 2});
  tasks.finish(1);
  // The worker dies here, and the parent notifies its successor.
  channel.request(0);
  CHECK(channel.wait_running(0, 0, 3, 0us, kLong) == Lanes{0, 2});
  CHECK(tasks.take_ready() == Lanes{1});
}

TEST_CASE("a worker waits until it is notified again") {
  WorkerChannel channel(1, 0, 1);
  channel.request(0);
  channel.request(0);
  CHECK(channel.wait_running(0, 0, 1, 0us, kLong).empty());
  CHECK(channel.wait_running(0, 0, 1, 0us, 1ms).empty());
  channel.tasks().start(0);
  channel.request(0);
  CHECK(channel.wait_running(0, 0, 1, 0us, kLong) == Lanes{0});
}

// The parent waits for a random number of lanes at a time. A lost ring ends its wait by the
// timeout, with fewer lanes than it asked for.
TEST_CASE("no result is lost, doubled or late, whatever the number of lanes waited for") {
  constexpr std::size_t kLanes = 7;
  constexpr std::size_t kWorkers = 3;
  constexpr std::uint64_t kRounds = 3000;
  WorkerChannel parent(kWorkers, kLanes * sizeof(std::uint64_t), kLanes);
  const auto place = [](const WorkerChannel& channel, std::size_t lane) {
    return channel.data().data() + lane * sizeof(std::uint64_t);
  };
  constexpr auto kBound = [](std::size_t worker) { return kLanes * worker / kWorkers; };
  constexpr std::uint64_t kEnd = ~std::uint64_t{0};
  const auto work = [&](std::size_t worker) {
    // The same mapping, so that ThreadSanitizer sees the accesses of both sides.
    WorkerChannel& mine = parent;
    const std::size_t first = kBound(worker);
    const std::size_t last = kBound(worker + 1);
    for (std::size_t ended = 0; ended < last - first;) {
      for (const std::size_t lane : mine.wait_running(worker, first, last, 0us, kLong)) {
        std::uint64_t value = 0;
        std::memcpy(&value, place(mine, lane), sizeof(value));
        ended += value == kEnd ? 1 : 0;
        value = 3 * value + lane;
        std::memcpy(place(mine, lane), &value, sizeof(value));
        mine.tasks().finish(lane);
      }
    }
  };
  std::vector<std::thread> threads;
  threads.reserve(kWorkers);
  for (std::size_t worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back(work, worker);
  }
  const LaneTasks tasks = parent.tasks();
  std::vector<std::uint64_t> sent(kLanes, 0);
  std::size_t in_flight = 0;
  const auto start = [&](std::size_t lane, std::uint64_t value) {
    sent[lane] = value;
    std::memcpy(place(parent, lane), &value, sizeof(value));
    tasks.start(lane);
    for (std::size_t worker = 0; worker < kWorkers; ++worker) {
      if (lane >= kBound(worker) && lane < kBound(worker + 1)) {
        parent.request(worker);
      }
    }
    ++in_flight;
  };
  const auto take = [&] {
    const Lanes lanes = tasks.take_ready();
    for (const std::size_t lane : lanes) {
      std::uint64_t got = 0;
      std::memcpy(&got, place(parent, lane), sizeof(got));
      REQUIRE(got == 3 * sent[lane] + lane);
    }
    in_flight -= lanes.size();
    return lanes;
  };
  std::mt19937 draws(1);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    start(lane, lane);
  }
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    const std::size_t number = std::uniform_int_distribution<std::size_t>(1, in_flight)(draws);
    REQUIRE(tasks.wait_ready(number, 0us, kLong) >= number);
    const Lanes lanes = take();
    REQUIRE(lanes.size() >= number);
    for (const std::size_t lane : lanes) {
      start(lane, round * kLanes + lane);
    }
  }
  REQUIRE(tasks.wait_ready(kLanes, 0us, kLong) == kLanes);
  CHECK(take().size() == kLanes);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    start(lane, kEnd);
  }
  CHECK(tasks.wait_ready(kLanes, 0us, kLong) == kLanes);
  for (std::thread& thread : threads) {
    thread.join();
  }
}
