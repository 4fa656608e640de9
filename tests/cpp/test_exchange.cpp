#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

#include "system/exchange.hpp"

using namespace std::chrono_literals;
using framering::system::Exchange;
using framering::system::Mapping;

namespace {

constexpr std::chrono::microseconds kLong = 20s;

}  // namespace

TEST_CASE("an exchange that nobody was asked in waits for nobody") {
  Exchange exchange(3, 100);
  CHECK_FALSE(exchange.wait_all(0us, kLong).has_value());
}

TEST_CASE("requests and results pass between the two sides of an exchange") {
  Exchange parent(2, 2 * sizeof(int));
  const auto square = [&](std::size_t worker) {
    Exchange mine = Exchange::attach(parent.descriptor());
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

TEST_CASE("the first worker that is late is named") {
  Exchange exchange(3, 0);
  exchange.request_all();
  exchange.complete(0);
  exchange.complete(2);
  CHECK(exchange.wait_all(0us, 1ms) == 1);
  exchange.complete(1);
  CHECK_FALSE(exchange.wait_all(0us, kLong).has_value());
}

TEST_CASE("a request that was withdrawn is not seen by the successor") {
  Exchange exchange(1, 0);
  exchange.request(0);
  exchange.withdraw(0);
  CHECK_FALSE(exchange.wait_all(0us, 0us).has_value());
  CHECK_FALSE(exchange.wait_request(0, 0us, 1ms));
  exchange.request(0);
  CHECK(exchange.wait_all(0us, 1ms) == 0);
  CHECK(exchange.wait_request(0, 0us, kLong));
}

TEST_CASE("what is no exchange is refused") {
  CHECK_THROWS_AS(Exchange(0, 10), std::invalid_argument);
  const Mapping other = Mapping::shared_memory(4096);
  CHECK_THROWS_AS(Exchange::attach(other.descriptor()), std::invalid_argument);
  Exchange exchange(1, 10);
  CHECK_THROWS_AS(exchange.request(1), std::out_of_range);
}
