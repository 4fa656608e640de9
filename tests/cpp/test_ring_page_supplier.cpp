#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

#include "ring/lane_writer.hpp"
#include "ring/page_supplier.hpp"
#include "ring/ring.hpp"

using namespace framering::ring;

namespace {

constexpr std::uint64_t kSlots = 200'000;
constexpr Geometry kLarge{
    .lanes = 1, .slots = kSlots, .frame_bytes = 4096, .stack = 4, .action_bytes = 8};

bool is_resident(const Ring& ring, std::uint64_t slot) {
  auto* frame = reinterpret_cast<std::byte*>(ring.lane(0).frame(slot));
  std::byte* page = frame - reinterpret_cast<std::uintptr_t>(frame) % 4096;
  unsigned char state = 0;
  REQUIRE(::mincore(page, 1, &state) == 0);
  return (state & 1U) != 0;
}

bool becomes_resident(const Ring& ring, std::uint64_t slot) {
  for (int attempt = 0; attempt < 5000 && !is_resident(ring, slot); ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return is_resident(ring, slot);
}

}  // namespace

TEST_CASE("only rings of many pages are supplied ahead") {
  CHECK(PageSupplier::worthwhile(Layout(kLarge)));
  Geometry small = kLarge;
  small.slots = 1000;
  CHECK_FALSE(PageSupplier::worthwhile(Layout(small)));
}

TEST_CASE("pages are there before they are written, and not the whole ring's") {
  const auto ring = std::make_shared<Ring>(kLarge, Memory::kPrivate);
  CHECK(becomes_resident(*ring, 10'000));
  CHECK_FALSE(is_resident(*ring, 100'000));
  LaneWriter writer(ring, 0);
  const std::vector<std::uint8_t> frame(4096);
  for (int i = 0; i < 20'000; ++i) {
    writer.begin_segment(frame.data());
  }
  CHECK(becomes_resident(*ring, 30'000));
  CHECK_FALSE(is_resident(*ring, 100'000));
}

TEST_CASE("a forked child ends without its parent's thread") {
  auto ring = std::make_unique<Ring>(kLarge, Memory::kPrivate);
  const pid_t child = ::fork();
  if (child == 0) {
    ring.reset();
    ::_exit(0);
  }
  int status = -1;
  for (int attempt = 0; attempt < 5000 && ::waitpid(child, &status, WNOHANG) == 0; ++attempt) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
