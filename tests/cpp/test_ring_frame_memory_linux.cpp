// The memory that encoded frames take with the Linux back end: taken as they come, given back
// behind the oldest.
#include <doctest/doctest.h>
#include <sys/mman.h>

#include <cstddef>
#include <random>
#include <vector>

#include "encoded_ring_fixture.hpp"

using namespace framering::ring;
using reference::Bytes;

namespace {

constexpr std::size_t kGivenBack = std::size_t{256} << 10U;  // at once, at most
constexpr Geometry kMedium{
    .lanes = 1, .slots = 1500, .frame_bytes = 7056, .stack = 4, .action_bytes = 8, .row_bytes = 84};

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
