// A broken protocol, to show that the stress test would notice: `oldest` is what it should have
// been one write before, so that bytes are overwritten and pages given back too early.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "ring/layout.hpp"

namespace framering::ring {

// A thread writes one lane.
inline thread_local std::uint64_t previous_oldest = 0;

inline void begin_write(Counters& counters, std::uint64_t oldest) {
  std::atomic_ref(counters.oldest).store(previous_oldest, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  previous_oldest = oldest;
}

inline void end_write(Counters& counters, std::uint64_t slot) {
  // Readers get their chance on any machine, however busy.
  std::this_thread::yield();
  std::atomic_ref(counters.published).store(slot + 1, std::memory_order_release);
}

inline std::uint64_t published(Counters& counters) {
  return std::atomic_ref(counters.published).load(std::memory_order_acquire);
}

inline std::uint64_t oldest(Counters& counters) {
  return std::atomic_ref(counters.oldest).load(std::memory_order_relaxed);
}

inline bool validate(Counters& counters, std::uint64_t lowest) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return oldest(counters) <= lowest;
}

}  // namespace framering::ring
