// A mutex that a forked child can use, whatever other threads were doing at the fork.
#pragma once

#include <mutex>

namespace framering::system {

// fork() copies memory as it is, and only the thread that forks. A mutex that another thread held
// at that moment is locked for ever in the child, and what it protects is half changed. Therefore
// the thread that forks first takes every ForkSafeMutex of the process (pthread_atfork), and
// releases them after the fork, in the parent and in the child. In the child, each of them is then
// unlocked, and what it protects is whole.
//
// This causes no deadlock, because every user of this class obeys these rules:
//
// 1. A thread holds at most one ForkSafeMutex. So the order in which the forking thread takes them
//    does not matter: each holder releases its own without taking another.
// 2. A thread that holds one waits for nothing else, above all not for the GIL, which the forking
//    thread holds in os.fork(); and it does not fork. So each holder releases it.
// 3. The list of all mutexes has a mutex of its own. The forking thread takes it first; others
//    take it only to construct or destroy a ForkSafeMutex, which they do while they hold none.
//
// Children that do not go through fork() (vfork, posix_spawn, clone) run no code of ours before
// they execute another program.
class ForkSafeMutex {
 public:
  ForkSafeMutex();
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;
  ForkSafeMutex(ForkSafeMutex&&) = delete;
  ForkSafeMutex& operator=(ForkSafeMutex&&) = delete;
  ~ForkSafeMutex();

  // The names that std::lock_guard needs.
  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

}  // namespace framering::system
