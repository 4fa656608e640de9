// Writers of encoded frames where shared memory runs out.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <random>

#include "encoded_ring_fixture.hpp"

using namespace framering::ring;
using framering::system::OutOfMemory;
using reference::Bytes;

namespace {

int allocation_error = 0;  // of the functions below, where it is not 0

// Memory is taken more often in a smaller arena.
constexpr Geometry kFew{
    .lanes = 1, .slots = 100, .frame_bytes = 7056, .stack = 4, .action_bytes = 8, .row_bytes = 84};

}  // namespace

// In place of the C library's, so that memory can be short whenever a test wants it to be. The
// first is for the Linux back end, the second for the POSIX one.
extern "C" int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
  if (allocation_error != 0 && (mode & FALLOC_FL_PUNCH_HOLE) == 0) {
    errno = allocation_error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, offset, bytes));
}

extern "C" int posix_fallocate(int descriptor, off_t offset, off_t bytes) {
  if (allocation_error != 0) {
    return allocation_error;
  }
  return ::syscall(SYS_fallocate, descriptor, 0, offset, bytes) == 0 ? 0 : errno;
}

TEST_CASE("where shared memory runs out, nothing is written, and the writer may try again") {
  std::mt19937_64 generator(4);
  for (const int error : {ENOSPC, ENOMEM}) {
    CAPTURE(error);
    RecordedLane recorded(kFew, Memory::kShared);
    int failures = 0;
    for (int i = 0; i < 2500; ++i) {
      const Bytes frame = reference::noise(kFew.frame_bytes, generator);
      const bool begins = i % 50 == 0;
      const std::uint64_t published = recorded.lane.published();
      const std::uint64_t oldest = recorded.lane.oldest();
      allocation_error = error;
      bool written = true;
      try {
        recorded.write(frame, begins);
      } catch (const OutOfMemory&) {
        written = false;
      }
      allocation_error = 0;
      if (written) {
        continue;
      }
      ++failures;
      REQUIRE(recorded.lane.published() == published);
      REQUIRE(recorded.lane.oldest() == oldest);
      if (failures % 20 == 0) {
        recorded.require_whole();
      }
      recorded.write(frame, begins);
    }
    CHECK(failures > 50);
    recorded.require_whole();
  }
}

TEST_CASE("a transition that memory was too short for can be added again") {
  std::mt19937_64 generator(5);
  const auto ring = std::make_shared<Ring>(kFew, Memory::kShared);
  const Lane lane = ring->lane(0);
  LaneWriter writer(ring, 0);
  const std::size_t stack_bytes = kFew.stack * kFew.frame_bytes;
  int failures = 0;
  for (int i = 0; i < 60; ++i) {
    // Nothing continues, so that each takes many frames, and any of them may be the first without.
    const Bytes obs = reference::noise(stack_bytes, generator);
    const Bytes next_obs = reference::noise(stack_bytes, generator);
    const Step step{.action = reinterpret_cast<const std::uint8_t*>(&kNoAction)};
    std::uint64_t slot = 0;
    allocation_error = ENOSPC;
    try {
      slot = writer.add(obs.data(), next_obs.data(), step);
    } catch (const OutOfMemory&) {
      ++failures;
      allocation_error = 0;
      slot = writer.add(obs.data(), next_obs.data(), step);
    }
    allocation_error = 0;
    CHECK(lane.load_record(slot).ordinal == static_cast<std::uint64_t>(i) + 1);
    Bytes found(stack_bytes);
    Bytes next_found(stack_bytes);
    const SlotIndex slot_index{.lane = 0, .slot = slot};
    gather_stacks(*ring, {&slot_index, 1}, found.data(), next_found.data());
    CHECK((found == obs));
    CHECK((next_found == next_obs));
  }
  CHECK(failures > 5);
}
