// Waiting for a word in shared memory to change: word_wait_linux.cpp with a futex, or
// word_wait_posix.cpp for any other POSIX system.
//
// POSIX has nothing like a futex between processes: a condition variable in shared memory needs a
// mutex beside it, which stays locked for ever if a process is killed while it holds it (macOS has
// no robust mutexes), and std::atomic::wait is for the threads of one process. There the waiter
// sleeps for short times and loads the word in between, and wake_one does nothing. The doorbell's
// proof obligations hold:
//
// - No ring is lost, because no wake is needed: the word only changes, and the waiter loads it
//   again and again until it sees that. An atomic store of another process becomes visible in a
//   finite time.
// - Time limits hold: a sleep is never longer than what is left, measured with a monotonic clock.
// - A signal ends the wait, because it ends nanosleep. As with a futex, one that arrives outside of
//   the system call does not; the time limit does.
//
// A sleep is an eighth of the time waited so far, but at least 20 µs and at most 1 ms. So a ring is
// seen late by an eighth of the wait or 20 µs, never by more than 1 ms (and the scheduler's delay),
// and a waiter that nobody rings wakes a thousand times a second, which takes about 1 % of a core.
#pragma once

#include <chrono>
#include <cstdint>

namespace framering::system {

// Sleeps while the word has this value, until wake_one or the time limit. May return early.
// Returns false if a signal ended the sleep.
bool sleep_while(std::uint32_t* word, std::uint32_t value,
                 std::chrono::steady_clock::duration at_most);

// Wakes a waiter that sleeps in sleep_while, in any process.
void wake_one(std::uint32_t* word);

}  // namespace framering::system
