#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "system/parent_death.hpp"

namespace framering::system {

namespace {

constexpr int kDeathSignal = SIGUSR1;

std::atomic<pid_t> expected_parent{0};
static_assert(std::atomic<pid_t>::is_always_lock_free);

void exit_if_orphaned(int /*signal*/) {
  if (::getppid() != expected_parent.load(std::memory_order_relaxed)) {
    ::_exit(1);
  }
}

}  // namespace

void exit_with_parent(pid_t parent) {
  expected_parent.store(parent, std::memory_order_relaxed);
  struct sigaction action{};
  action.sa_handler = &exit_if_orphaned;
  action.sa_flags = SA_RESTART;
  if (::sigaction(kDeathSignal, &action, nullptr) != 0 ||
      ::prctl(PR_SET_PDEATHSIG, kDeathSignal) != 0) {
    throw std::system_error(errno, std::generic_category(), "setting the parent-death signal");
  }
  // The parent may have exited before prctl.
  exit_if_orphaned(kDeathSignal);
}

}  // namespace framering::system
