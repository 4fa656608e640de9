// A doorbell: a word in shared memory with which one process notifies another. It spares the
// system call while the waiter is still spinning.
//
// A doorbell holds a count of rings, which only increases (and may wrap), and a flag that is 1
// while a waiter sleeps. The waiter sees everything that the ringer wrote before ring() once wait()
// has returned true.
//
//   ringer                                waiter, which has seen the count s
//   R1  ...write the data                 W1  count == s? spin for a while, else done  (acquire)
//   R2  count  := count + 1   seq_cst     W2  asleep := 1                              seq_cst
//   R3  asleep == 1?          seq_cst     W3  futex wait, while count == s     (the kernel's load)
//   R4  if so: futex wake                 W4  asleep := 0; go on with W1
//
// Proof obligations, and why they hold with a futex. word_wait.hpp says why they hold without.
//
// 1. The waiter sees the data. It returns true only after W1 (or the same check after W4), which is
//    an acquire load of a count that R2 stored. So R2 synchronises with that load, and R1 happens
//    before everything that the waiter does next.
//
// 2. No wake-up is lost. R2, R3, W2 and the load in W3 are sequentially consistent (the kernel
//    loads under a lock, after a full barrier). If R2 precedes the load in W3, the load sees the
//    new count and the waiter does not sleep. Otherwise W2 precedes R3, and the ringer wakes the
//    waiter. A wake that arrives between the load and the sleep finds the waiter queued, because
//    the kernel compares and queues under one lock, which the wake takes too.
//
// 3. A wake that comes late ends no wait. Between R3 and R4 the waiter may see the count, return,
// and sleep for the next ring; R4 then wakes it for the last one. W4 goes on with W1, so it sleeps
// again.
//
// 4. No process waits forever for a dead one. wait() returns after its timeout or a signal; the
//    caller checks whether the other process lives, and waits again. A waiter that dies asleep
//    leaves asleep == 1 behind. That costs one system call a ring until its successor's next W4.
//
// There must be only one waiter at a time; there may be several ringers. Times are measured with a
// monotonic clock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace framering::system {

// Plain words, so that zeroed memory mapped by several processes is a valid doorbell. Each has its
// own cache line, so that spinning on one does not slow down accesses to others.
struct alignas(64) Doorbell {
  std::uint32_t count;
  std::uint32_t asleep;
};

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(Doorbell) == 64);

// Increments the count and wakes the waiter (R2 to R4).
void ring(Doorbell& bell);

// The number of rings so far (acquire).
std::uint32_t count(Doorbell& bell);

// Waits until the count differs from `seen`, and returns whether it does (W1 to W4). Returns false
// only after the timeout or a signal. Spins for at most `spin` before it sleeps.
bool wait(Doorbell& bell, std::uint32_t seen, std::chrono::microseconds spin,
          std::chrono::microseconds timeout);

}  // namespace framering::system
