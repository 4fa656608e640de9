#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <thread>

#include "system/doorbell.hpp"
#include "system/mapping.hpp"

using namespace std::chrono_literals;
using framering::system::count;
using framering::system::Doorbell;
using framering::system::Mapping;
using framering::system::ring;
using framering::system::wait;

namespace {

constexpr auto kNever = std::chrono::microseconds(0);
constexpr std::chrono::microseconds kLong = 20s;

}  // namespace

TEST_CASE("an earlier ring is seen without waiting") {
  Doorbell bell{};
  ring(bell);
  CHECK(wait(bell, 0, kNever, kNever));
  CHECK(count(bell) == 1);
}

TEST_CASE("without a ring the wait ends after its timeout") {
  Doorbell bell{};
  const auto begin = std::chrono::steady_clock::now();
  CHECK_FALSE(wait(bell, 0, 100us, 20ms));
  CHECK(std::chrono::steady_clock::now() - begin >= 20ms);
  CHECK_FALSE(wait(bell, 0, kLong, 1ms));
}

TEST_CASE("a wait that began long ago ends soon after the ring") {
  Doorbell bell{};
  std::chrono::steady_clock::time_point rung;
  const std::jthread ringer([&] {
    std::this_thread::sleep_for(300ms);
    rung = std::chrono::steady_clock::now();
    ring(bell);
  });
  CHECK(wait(bell, 0, kNever, kLong));
  CHECK(std::chrono::steady_clock::now() - rung < 30ms);
}

TEST_CASE("a signal ends a wait") {
  struct sigaction action{};
  action.sa_handler = [](int) {};
  action.sa_flags = SA_RESTART;
  struct sigaction before{};
  REQUIRE(::sigaction(SIGUSR2, &action, &before) == 0);
  const pthread_t waiter = ::pthread_self();
  Doorbell bell{};
  {
    // Again and again, because a signal that arrives outside of the sleep does not end it.
    const std::jthread sender([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        std::this_thread::sleep_for(20ms);
        ::pthread_kill(waiter, SIGUSR2);
      }
    });
    const auto begin = std::chrono::steady_clock::now();
    CHECK_FALSE(wait(bell, 0, kNever, kLong));
    CHECK(std::chrono::steady_clock::now() - begin < 10s);
  }
  REQUIRE(::sigaction(SIGUSR2, &before, nullptr) == 0);
}

TEST_CASE("a ring wakes a sleeping waiter, which sees what was written before") {
  Doorbell bell{};
  int written = 0;
  const std::jthread ringer([&] {
    std::this_thread::sleep_for(20ms);
    written = 42;
    ring(bell);
  });
  CHECK(wait(bell, 0, kNever, kLong));
  CHECK(written == 42);
}

TEST_CASE("no ring is lost between two threads that ring in turn") {
  // The spin times vary, so that rings and sleeps interleave in every way.
  Doorbell there{};
  Doorbell back{};
  std::uint64_t ball = 0;
  constexpr std::uint32_t kRounds = 20000;
  const auto spin = [](std::uint32_t round) { return std::chrono::microseconds(round % 4); };
  const std::jthread other([&] {
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      if (!wait(there, round, spin(round), kLong)) {
        return;
      }
      ++ball;
      ring(back);
    }
  });
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    ++ball;
    ring(there);
    REQUIRE(wait(back, round, spin(round + 1), kLong));
    REQUIRE(ball == 2 * (round + 1));
  }
}

TEST_CASE("doorbells work between processes") {
  const Mapping memory = Mapping::shared_memory(4096, 4096);
  auto* bells = reinterpret_cast<Doorbell*>(memory.data());
  constexpr std::uint32_t kRounds = 2000;
  const pid_t child = ::fork();
  if (child == 0) {
    const Mapping mine = Mapping::attach(memory.descriptor());
    auto* theirs = reinterpret_cast<Doorbell*>(mine.data());
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      if (!wait(theirs[0], round, kNever, kLong)) {
        ::_exit(1);
      }
      ring(theirs[1]);
    }
    ::_exit(0);
  }
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    ring(bells[0]);
    REQUIRE(wait(bells[1], round, kNever, kLong));
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
}
