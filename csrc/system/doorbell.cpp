#include "system/doorbell.hpp"

#include <sched.h>

#include <algorithm>

#include "system/word_wait.hpp"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace framering::system {

namespace {

using Clock = std::chrono::steady_clock;

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void ring(Doorbell& bell) {
  std::atomic_ref(bell.count).fetch_add(1, std::memory_order_seq_cst);
  if (std::atomic_ref(bell.asleep).load(std::memory_order_seq_cst) != 0) {
    wake_one(&bell.count);
  }
}

std::uint32_t count(Doorbell& bell) {
  return std::atomic_ref(bell.count).load(std::memory_order_acquire);
}

bool wait(Doorbell& bell, std::uint32_t seen, std::chrono::microseconds spin,
          std::chrono::microseconds timeout) {
  if (count(bell) != seen) {
    return true;
  }
  const auto begin = Clock::now();
  while (Clock::now() - begin < std::min(spin, timeout)) {
    for (int i = 0; i < 16; ++i) {
      relax();
      if (count(bell) != seen) {
        return true;
      }
    }
    // The ringer may be waiting for this core.
    ::sched_yield();
  }
  bool interrupted = false;
  while (!interrupted && count(bell) == seen) {
    const auto left = timeout - (Clock::now() - begin);
    if (left <= Clock::duration::zero()) {
      break;
    }
    std::atomic_ref(bell.asleep).store(1, std::memory_order_seq_cst);
    interrupted = !sleep_while(&bell.count, seen, left);
    std::atomic_ref(bell.asleep).store(0, std::memory_order_seq_cst);
  }
  return count(bell) != seen;
}

}  // namespace framering::system
