#include <doctest/doctest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "system/parent_death.hpp"

using framering::system::exit_with_parent;

TEST_CASE("a running process ends soon after its parent") {
  // The grandchild writes its process id, and holds the pipe's other end as long as it lives.
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t me = ::getpid();
    if (::fork() == 0) {
      exit_with_parent(me);
      const pid_t grandchild = ::getpid();
      if (::write(ends[1], &grandchild, sizeof(grandchild)) != sizeof(grandchild)) {
        ::_exit(2);
      }
      for (;;) {
        ::usleep(100);  // ThreadSanitizer runs handlers of signals in such calls alone
      }
    }
    for (;;) {
      ::pause();
    }
  }
  ::close(ends[1]);
  pid_t grandchild = 0;
  REQUIRE(::read(ends[0], &grandchild, sizeof(grandchild)) == sizeof(grandchild));
  pollfd hang_up{.fd = ends[0], .events = 0, .revents = 0};
  CHECK(::poll(&hang_up, 1, 300) == 0);
  ::kill(child, SIGKILL);
  const bool ended = ::poll(&hang_up, 1, 5000) == 1;
  CHECK(ended);
  if (!ended) {
    ::kill(grandchild, SIGKILL);
  }
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
