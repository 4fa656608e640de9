// The ring's protocol: one writer a lane, any number of readers, nobody waits.
//
// A lane has two monotonic counts. `claimed` is one more than the newest slot whose bytes may have
// been touched; `published` is one more than the newest slot that is whole. Slot n lives in place
// n % slots, so that writing slot n destroys slot n − slots.
//
//   writer of slot n                        reader
//   W1  claimed   := n + 1    relaxed       R1  p := published          acquire
//   W2  fence                 release       R2  payload words of        relaxed
//   W3  payload words         relaxed           slots < p
//   W4  published := n + 1    release       R3  fence                   acquire
//                                           R4  c := claimed            relaxed
//                                           R5  whole, if lowest slot read >= c − slots
//
// Obligations, in the terms of the C++ memory model, and why they hold:
//
// 1. No data race. Counts and payload words are only touched through std::atomic_ref, with two
//    exceptions. The lane's own writer reads its own words plainly: it alone writes them. R2 may
//    load payload in assembly, which is no access of this model: payload_avx2.cpp says why
//    obligations 2 and 3 hold for it by the processor's.
//
// 2. A reader sees whole slots, not slots in the making. R1 reads a value p stored by W4, so W4
//    synchronises with R1, and every payload word of slots < p happens before R2. R2 therefore
//    reads those words, or later ones in their modification order: words of a later lap.
//
// 3. A later lap is noticed. Say R2 reads a word that W3 stored for slot n, n >= p. Then the
//    release fence W2 (before W3) synchronises with the acquire fence R3 (after R2)
//    [atomics.fences], so W1 happens before R4, and by read coherence c >= n + 1. That word lies in
//    the place of slot n − slots, or of n − 2·slots …, which the reader took for a slot s <= n −
//    slots. So s <= n − slots < c − slots, and R5 refuses the batch. Conversely what passes R5 is
//    whole. It is enough to check the lowest slot read, because higher ones are overwritten later.
//
// 4. The writer never waits: W1 to W4 contain no loop and read nothing shared. Readers draw again.
//
// 5. A writer may die anywhere. Between W1 and W4 slot n is claimed, not published: nobody reads
//    it as slot n, and slot n − slots is refused by R5 from W1 on. A successor starts at
//    n = published with a new segment, and W1 stores the same n + 1 again: counts never go back.
//    (The successor's start must happen after the death, e.g. through waitpid and fork.)
//
// 6. Processes: std::atomic_ref<uint64_t> is lock-free, hence address-free, so that the argument
//    holds between mappings at different addresses.
//
// The order of the words is not checked by ThreadSanitizer, which models no stand-alone fences; the
// stress test checks it by the payload itself, and is shown to fail when R5 is left out, when W4 is
// done before W3, and when W1 is done after W3.
#pragma once

#include <atomic>
#include <cstdint>

#include "ring/layout.hpp"

namespace framering::ring {

static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

// W1 and W2.
inline void begin_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.claimed).store(slot + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
}

// W4.
inline void end_write(Counters& counters, std::uint64_t slot) {
  std::atomic_ref(counters.published).store(slot + 1, std::memory_order_release);
}

// R1.
inline std::uint64_t published(Counters& counters) {
  return std::atomic_ref(counters.published).load(std::memory_order_acquire);
}

// R3 to R5: whether everything read since R1, from slots >= lowest, was whole.
inline bool validate(Counters& counters, std::uint64_t lowest, std::uint64_t slots) {
  std::atomic_thread_fence(std::memory_order_acquire);
  return std::atomic_ref(counters.claimed).load(std::memory_order_relaxed) <= lowest + slots;
}

}  // namespace framering::ring
