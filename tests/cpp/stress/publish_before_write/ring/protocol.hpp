// A broken protocol, to show that the stress test would notice: a slot is published before its
// bytes are there.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "ring/layout.hpp"

namespace framering::ring {

// `published` counts one slot at each write.
inline void begin_write(Counters& counters, std::uint64_t oldest) {
  std::atomic_ref(counters.oldest).store(oldest, std::memory_order_relaxed);
  std::atomic_ref(counters.published).fetch_add(1, std::memory_order_release);
  // Readers get their chance on any machine, however busy.
  std::this_thread::yield();
  std::atomic_thread_fence(std::memory_order_release);
}

inline void end_write(Counters& counters, std::uint64_t slot) { (void)counters, (void)slot; }

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
