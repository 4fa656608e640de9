// A broken protocol, to show that the stress test would notice: a slot is published before its
// bytes are there.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>

#include "ring/layout.hpp"

namespace framering::ring {

inline void begin_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.claimed).store(slot + 1, std::memory_order_relaxed);
  std::atomic_ref(counters.published).store(slot + 1, std::memory_order_release);
  // Readers get their chance on any machine, however busy.
  std::this_thread::yield();
  std::atomic_thread_fence(std::memory_order_release);
}

inline void end_write(Counters& counters, std::uint64_t slot) { (void)counters, (void)slot; }

inline std::uint64_t published(Counters& counters) {
  return std::atomic_ref(counters.published).load(std::memory_order_acquire);
}

inline bool validate(Counters& counters, std::uint64_t lowest, std::uint64_t slots) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return std::atomic_ref(counters.claimed).load(std::memory_order_relaxed) <= lowest + slots;
}

}  // namespace framering::ring
