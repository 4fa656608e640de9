// A broken protocol, to show that the stress test would notice: readers do not look at what was
// claimed meanwhile.
#pragma once

#include <atomic>
#include <cstdint>

#include "ring/layout.hpp"

namespace framering::ring {

inline void begin_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.claimed).store(slot + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

inline void end_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.published).store(slot + 1, std::memory_order_release);
}

inline std::uint64_t published(Counters& counters) {
  return std::atomic_ref(counters.published).load(std::memory_order_acquire);
}

inline bool validate(Counters& counters, std::uint64_t lowest, std::uint64_t slots) {
  (void)counters, (void)lowest, (void)slots;
  return true;
}

}  // namespace framering::ring
