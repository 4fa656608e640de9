#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

#include "system/fork_safe_mutex.hpp"

using framering::system::ForkSafeMutex;

namespace {

// Exit status of a child that ends with what a function returns; −1 where a signal ended it.
template <class Child>
int status_of_child(Child child) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::alarm(10);
    ::_exit(child());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("a child can take mutexes that threads held at the fork, and finds their work whole") {
  struct Pair {
    ForkSafeMutex mutex;
    int first = 0;
    int second = 0;
  };
  std::vector<Pair> pairs(3);
  std::atomic<bool> going = true;
  std::vector<std::thread> threads;
  threads.reserve(pairs.size());
  for (Pair& pair : pairs) {
    threads.emplace_back([&] {
      while (going) {
        const std::lock_guard lock(pair.mutex);
        ++pair.first;
        std::this_thread::yield();
        ++pair.second;
      }
    });
  }
  for (int i = 0; i < 100; ++i) {
    const int status = status_of_child([&] {
      for (Pair& pair : pairs) {
        const std::lock_guard lock(pair.mutex);
        if (pair.first != pair.second) {
          return 1;
        }
      }
      return 0;
    });
    REQUIRE(status == 0);
  }
  going = false;
  for (auto& thread : threads) {
    thread.join();
  }
}

TEST_CASE("mutexes may be constructed and destroyed while another thread forks") {
  std::atomic<bool> going = true;
  std::thread thread([&] {
    while (going) {
      ForkSafeMutex mutex;
      const std::lock_guard lock(mutex);
    }
  });
  for (int i = 0; i < 30; ++i) {
    const int status = status_of_child([] {
      ForkSafeMutex mutex;
      const std::lock_guard lock(mutex);
      return 0;
    });
    REQUIRE(status == 0);
  }
  going = false;
  thread.join();
}
