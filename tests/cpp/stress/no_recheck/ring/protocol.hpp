// A broken protocol, to show that the stress test would notice: readers do not check whether what
// they have read is still whole.
#pragma once

#include <atomic>
#include <cstdint>

#include "ring/layout.hpp"

namespace framering::ring {

inline void begin_write(Counters& counters, std::uint64_t oldest) {
  std::atomic_ref(counters.oldest).store(oldest, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

inline void end_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.published).store(slot + 1, std::memory_order_release);
}

inline std::uint64_t published(Counters& counters) {
  return std::atomic_ref(counters.published).load(std::memory_order_acquire);
}

inline std::uint64_t oldest(Counters& counters) {
  return std::atomic_ref(counters.oldest).load(std::memory_order_relaxed);
}

inline bool validate(Counters& counters, std::uint64_t lowest) {
  (void)counters, (void)lowest;
  return true;
}

}  // namespace framering::ring
