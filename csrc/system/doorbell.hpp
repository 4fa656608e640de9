// The wake-up primitive: one process rings, one other waits, through memory that they share.
//
// A doorbell is a count of rings that only grows (and may wrap), and the number of the process
// that sleeps on it, or nobody. What the ringer wrote before ring() is seen by the waiter after
// wait() has returned the new count.
//
//   ringer                                waiter, having seen the count s
//   R1  ...what is handed over            W1  count == s? spin for a while, else done  (acquire)
//   R2  count  := count + 1   seq_cst     W2  asleep := 1                              seq_cst
//   R3  asleep == 1?          seq_cst     W3  futex wait, while count == s     (the kernel's load)
//   R4  if so: futex wake                 W4  asleep := 0; go on with W1
//
// Obligations, and why they hold:
//
// 1. What is handed over is seen. The waiter leaves at W1 alone, by an acquire load of a count that
//    R2 stored; so R2 synchronises with W1 and R1 happens before what the waiter does next.
//
// 2. No wake-up is lost. R2, R3, W2 and the load in W3 are sequentially consistent (the kernel
//    makes its load under a lock, after a full barrier). Either R2 comes before the load in W3,
//    which then sees the new count and doesn't sleep; or it comes after, hence W2 before R3, and
//    the ringer wakes. A wake that arrives between the load and the sleep finds the waiter queued,
//    because the kernel compares and queues under one lock, which the wake takes, too.
//
// 3. Nobody hangs on a dead partner. wait() gives up after its timeout, or when a signal arrives;
//    the caller looks around and waits again. A waiter that dies asleep leaves asleep == 1 behind,
//    which costs its successor's ringer one system call a ring until the successor's next W4.
//
// One waiter at a time; any number of ringers would do, too. Times are those of a monotonic clock.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace framering::system {

// Plain words, so that a doorbell can lie in memory that was zeroed and mapped by several
// processes; a cache line of its own, so that spinning on it disturbs no other.
struct alignas(64) Doorbell {
  std::uint32_t count;
  std::uint32_t asleep;
};

static_assert(std::atomic_ref<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(Doorbell) == 64);

// R2 to R4.
void ring(Doorbell& bell);

// Rings so far (acquire).
std::uint32_t count(Doorbell& bell);

// W1 to W4: whether the count differs from the one seen. Spins at first, as long as it is told to.
bool wait(Doorbell& bell, std::uint32_t seen, std::chrono::microseconds spin,
          std::chrono::microseconds timeout);

}  // namespace framering::system
