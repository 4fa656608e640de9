// The memory that encoded frames take: taken as they come, given back behind the oldest.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <random>
#include <vector>

#include "encoded_ring_fixture.hpp"

using namespace framering::ring;
using framering::system::OutOfMemory;
using reference::Bytes;

namespace {

int allocation_error = 0;  // of fallocate below, where it is not 0

constexpr std::size_t kGivenBack = std::size_t{256} << 10U;  // at once, at most
constexpr Geometry kMedium{
    .lanes = 1, .slots = 1500, .frame_bytes = 7056, .stack = 4, .action_bytes = 8, .row_bytes = 84};

// Memory is taken more often in a smaller arena.
constexpr Geometry kFew{
    .lanes = 1, .slots = 100, .frame_bytes = 7056, .stack = 4, .action_bytes = 8, .row_bytes = 84};

// Bytes of the lane's arena that are there. Of shared memory, whoever has mapped it.
std::size_t resident(const RecordedLane& recorded) {
  auto* const arena = reinterpret_cast<std::byte*>(recorded.lane.arena(0));
  std::vector<unsigned char> pages(recorded.lane.arena_words() * 8 / 4096);
  REQUIRE(::mincore(arena, pages.size() * 4096, pages.data()) == 0);
  std::size_t number = 0;
  for (const unsigned char page : pages) {
    number += page & 1U;
  }
  return number * 4096;
}

// The most that may be there, beside what is needed: an eighth of the arena is taken ahead, and
// what lies behind the oldest slot is kept until it is a step.
std::size_t most_spare(const RecordedLane& recorded) {
  return kGivenBack + recorded.lane.arena_words() + std::size_t{4} * 4096;
}

// From where the oldest slot is decoded to the end of the newest.
std::size_t live(const RecordedLane& recorded) {
  const auto& locations = recorded.locations();
  return (locations.back().end - locations[recorded.lane.oldest()].begin()) * 8;
}

void write_noise(RecordedLane& recorded, std::uint64_t number, std::mt19937_64& generator) {
  for (std::uint64_t i = 0; i < number; ++i) {
    recorded.write(reference::noise(kMedium.frame_bytes, generator), i % 100 == 0);
  }
}

void write_constant(RecordedLane& recorded, std::uint64_t number) {
  for (std::uint64_t i = 0; i < number; ++i) {
    recorded.write(Bytes(kMedium.frame_bytes, static_cast<std::uint8_t>(i / 50)), i % 100 == 0);
  }
}

}  // namespace

// In place of the C library's, so that memory can be short whenever a test wants it to be.
extern "C" int fallocate(int descriptor, int mode, off_t offset, off_t bytes) {
  if (allocation_error != 0 && (mode & FALLOC_FL_PUNCH_HOLE) == 0) {
    errno = allocation_error;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fallocate, descriptor, mode, offset, bytes));
}

TEST_CASE("a new ring's frames take no memory") {
  for (const Memory memory : {Memory::kPrivate, Memory::kShared}) {
    CHECK(resident(RecordedLane(kMedium, memory)) == 0);
  }
}

TEST_CASE("memory follows what the frames take, up and down, lap after lap") {
  std::mt19937_64 generator(1);
  for (const Memory memory : {Memory::kPrivate, Memory::kShared}) {
    CAPTURE(memory == Memory::kShared);
    RecordedLane recorded(kMedium, memory);
    const auto require_close = [&] {
      REQUIRE(resident(recorded) <= live(recorded) + most_spare(recorded));
      recorded.require_whole_from(std::max(recorded.lane.oldest(), recorded.lane.published() - 40));
    };
    for (int lap = 0; lap < 3; ++lap) {
      CAPTURE(lap);
      for (int part = 0; part < 15; ++part) {
        write_noise(recorded, 110, generator);
        require_close();
      }
      CHECK(resident(recorded) >= kMedium.slots * kMedium.frame_bytes);
      for (int part = 0; part < 60; ++part) {
        write_constant(recorded, 110);
        require_close();
      }
      CHECK(live(recorded) < kGivenBack);
    }
    recorded.require_whole();
  }
}

TEST_CASE("at a limit, a ring of noise is as large as its arena and no larger") {
  std::mt19937_64 generator(2);
  Geometry geometry = kMedium;
  geometry.memory_limit = 3'000'000;
  for (const Memory memory : {Memory::kPrivate, Memory::kShared}) {
    RecordedLane recorded(geometry, memory);
    write_noise(recorded, 1500, generator);
    CHECK(resident(recorded) <= recorded.lane.arena_words() * 8);
    CHECK(live(recorded) + std::size_t{17} * 7064 >= recorded.lane.arena_words() * 8);
    recorded.require_whole();
    for (int part = 0; part < 20; ++part) {
      write_constant(recorded, 150);
      recorded.require_whole_from(std::max(recorded.lane.oldest(), recorded.lane.published() - 90));
    }
    CHECK(resident(recorded) <= live(recorded) + most_spare(recorded));
    recorded.require_whole();
  }
}

TEST_CASE("a successor gives back what its predecessors have left") {
  std::mt19937_64 generator(3);
  RecordedLane recorded(kMedium, Memory::kShared);
  write_noise(recorded, 2000, generator);
  for (int part = 0; part < 60; ++part) {
    recorded.replace_writer();
    recorded.write(Bytes(kMedium.frame_bytes, 9), true);
    write_constant(recorded, 60);
  }
  recorded.require_whole();
  CHECK(resident(recorded) <= live(recorded) + most_spare(recorded));
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
