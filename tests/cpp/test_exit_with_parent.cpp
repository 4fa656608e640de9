#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "system/parent_death.hpp"

using framering::system::exit_with_parent;

TEST_CASE("a busy process ends soon after its parent") {
  // The grandchild holds the pipe's other end as long as it lives.
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t me = ::getpid();
    if (::fork() == 0) {
      exit_with_parent(me);
      [[maybe_unused]] const auto written = ::write(ends[1], "r", 1);
      for (;;) {
        ::getppid();
      }
    }
    for (;;) {
      ::pause();
    }
  }
  ::close(ends[1]);
  char ready = 0;
  REQUIRE(::read(ends[0], &ready, 1) == 1);
  pollfd hang_up{.fd = ends[0], .events = 0, .revents = 0};
  CHECK(::poll(&hang_up, 1, 300) == 0);
  ::kill(child, SIGKILL);
  CHECK(::poll(&hang_up, 1, 5000) == 1);
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
}

TEST_CASE("a process whose parent is another one ends at once") {
  const pid_t child = ::fork();
  if (child == 0) {
    exit_with_parent(::getpid());
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
}
