#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "system/worker_channel.hpp"

using namespace std::chrono_literals;
using framering::system::Mapping;
using framering::system::WorkerChannel;

namespace {

constexpr std::chrono::microseconds kLong = 20s;

}  // namespace

TEST_CASE("wait_all returns at once on a channel without requests") {
  WorkerChannel channel(3, 100);
  CHECK_FALSE(channel.wait_all(0us, kLong).has_value());
}

TEST_CASE("requests and results pass between both sides of a channel") {
  WorkerChannel parent(2, 2 * sizeof(int));
  const auto square = [&](std::size_t worker) {
    WorkerChannel mine = WorkerChannel::attach(parent.descriptor());
    CHECK(mine.workers() == 2);
    for (int round = 0; round < 500; ++round) {
      REQUIRE(mine.wait_request(worker, 0us, kLong));
      std::byte* place = mine.data().data() + worker * sizeof(int);
      int value = 0;
      std::memcpy(&value, place, sizeof(int));
      value *= value;
      std::memcpy(place, &value, sizeof(int));
      mine.complete(worker);
    }
  };
  std::thread first(square, 0);
  std::thread second(square, 1);
  for (int round = 0; round < 500; ++round) {
    const int sent[2] = {round, round + 1};
    std::memcpy(parent.data().data(), sent, sizeof(sent));
    parent.request_all();
    REQUIRE_FALSE(parent.wait_all(0us, kLong).has_value());
    int got[2] = {};
    std::memcpy(got, parent.data().data(), sizeof(got));
    REQUIRE(got[0] == round * round);
    REQUIRE(got[1] == (round + 1) * (round + 1));
  }
  first.join();
  second.join();
}

TEST_CASE("wait_all returns the first worker that is still busy") {
  WorkerChannel channel(3, 0);
  channel.request_all();
  channel.complete(0);
  channel.complete(2);
  CHECK(channel.wait_all(0us, 1ms) == 1);
  channel.complete(1);
  CHECK_FALSE(channel.wait_all(0us, kLong).has_value());
}

TEST_CASE("a cancelled request is not received by the successor") {
  WorkerChannel channel(1, 0);
  channel.request(0);
  channel.cancel(0);
  CHECK_FALSE(channel.wait_all(0us, 0us).has_value());
  CHECK_FALSE(channel.wait_request(0, 0us, 1ms));
  channel.request(0);
  CHECK(channel.wait_all(0us, 1ms) == 0);
  CHECK(channel.wait_request(0, 0us, kLong));
}

TEST_CASE("a channel refuses an unknown worker and other descriptors") {
  const Mapping other = Mapping::shared_memory(4096, 4096);
  CHECK_THROWS_AS(WorkerChannel::attach(other.descriptor()), std::invalid_argument);
  WorkerChannel channel(1, 10);
  CHECK_THROWS_AS(channel.request(1), std::out_of_range);
}
