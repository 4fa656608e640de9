#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "system/parent_death.hpp"

namespace framering::system {

namespace {

// Blocks all signals in this thread, and in the threads that it starts.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);  // a macro on macOS
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  SignalsBlocked(const SignalsBlocked&) = delete;
  SignalsBlocked& operator=(const SignalsBlocked&) = delete;
  SignalsBlocked(SignalsBlocked&&) = delete;
  SignalsBlocked& operator=(SignalsBlocked&&) = delete;
  ~SignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

void exit_when_orphaned(pid_t parent) {
  while (::getppid() == parent) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ::_exit(1);
}

}  // namespace

void exit_with_parent(pid_t parent) {
  if (::getppid() != parent) {
    ::_exit(1);
  }
  // Signals are for the other threads, whose waits they end.
  const SignalsBlocked blocked;
  std::thread(exit_when_orphaned, parent).detach();
}

}  // namespace framering::system
