// Doorbells of the Linux back end, which sleep on a futex.
#include <doctest/doctest.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "system/doorbell.hpp"

using namespace std::chrono_literals;

TEST_CASE("a wake that belongs to an earlier ring does not end the wait") {
  framering::system::Doorbell bell{};
  const std::jthread ringer([&] {
    std::this_thread::sleep_for(20ms);
    // As ring() does when the waiter has already seen its count and waits for the next.
    ::syscall(SYS_futex, &bell.count, FUTEX_WAKE, 1, nullptr, nullptr, 0);
    std::this_thread::sleep_for(20ms);
    ring(bell);
  });
  CHECK(wait(bell, 0, 0us, 20s));
}
