#include <algorithm>
#include <atomic>
#include <cerrno>
#include <ctime>

#include "system/word_wait.hpp"

namespace framering::system {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Clock::duration kShortestSleep = std::chrono::microseconds(20);
constexpr Clock::duration kLongestSleep = std::chrono::milliseconds(1);

// Returns false if a signal ended the sleep. `time` is less than a second.
bool sleep_for(Clock::duration time) {
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(time);
  const timespec rest{.tv_sec = 0, .tv_nsec = static_cast<long>(nanoseconds.count())};
  return ::nanosleep(&rest, nullptr) == 0 || errno != EINTR;
}

}  // namespace

bool sleep_while(std::uint32_t* word, std::uint32_t value, Clock::duration at_most) {
  const auto begin = Clock::now();
  auto waited = Clock::duration::zero();
  while (waited < at_most && std::atomic_ref(*word).load(std::memory_order_acquire) == value) {
    const auto time = std::clamp(waited / 8, kShortestSleep, kLongestSleep);
    if (!sleep_for(std::min(time, at_most - waited))) {
      return false;
    }
    waited = Clock::now() - begin;
  }
  return true;
}

void wake_one(std::uint32_t* /*word*/) {}

}  // namespace framering::system
