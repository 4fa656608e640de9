#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "system/word_wait.hpp"

namespace framering::system {

// Without FUTEX_PRIVATE_FLAG, because the other process maps the word at another address.
bool sleep_while(std::uint32_t* word, std::uint32_t value,
                 std::chrono::steady_clock::duration at_most) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(at_most);
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(at_most - seconds);
  const timespec limit{.tv_sec = seconds.count(), .tv_nsec = rest.count()};
  return ::syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, nullptr, 0) == 0 || errno != EINTR;
}

void wake_one(std::uint32_t* word) {
  ::syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

}  // namespace framering::system
