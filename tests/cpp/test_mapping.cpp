#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstring>
#include <limits>
#include <system_error>

#include "system/mapping.hpp"

using framering::system::Mapping;
using framering::system::OutOfMemory;

TEST_CASE("private memory is zeroed and has no descriptor") {
  const Mapping mapping = Mapping::private_memory(10000, 0);
  CHECK(mapping.size() == 10000);
  CHECK(mapping.descriptor() == -1);
  CHECK(mapping.data()[0] == std::byte{0});
  CHECK(mapping.data()[9999] == std::byte{0});
}

TEST_CASE("two mappings of shared memory read each other's writes") {
  const Mapping here = Mapping::shared_memory(4096, 4096);
  const Mapping there = Mapping::attach(here.descriptor());
  CHECK(there.data() != here.data());
  CHECK(there.size() == 4096);
  here.data()[7] = std::byte{42};
  CHECK(there.data()[7] == std::byte{42});
}

TEST_CASE("attaching to a closed descriptor throws") {
  CHECK_THROWS_AS(Mapping::attach(-1), std::system_error);
}

TEST_CASE("a mapping larger than the memory throws at construction") {
  const std::size_t exbibyte = std::size_t{1} << 60U;
  CHECK_THROWS_AS(Mapping::shared_memory(exbibyte, exbibyte), OutOfMemory);
  CHECK_THROWS_AS(Mapping::shared_memory(exbibyte, 4096), OutOfMemory);
  CHECK_THROWS_AS(Mapping::private_memory(exbibyte, exbibyte), OutOfMemory);
  CHECK_THROWS_AS(Mapping::private_memory(exbibyte, 0), OutOfMemory);
}

TEST_CASE("a moved mapping keeps its memory") {
  Mapping first = Mapping::private_memory(4096, 0);
  first.data()[0] = std::byte{1};
  Mapping second = std::move(first);
  CHECK(second.data()[0] == std::byte{1});
  second = Mapping::private_memory(4096, 0);
  CHECK(second.data()[0] == std::byte{0});
}

TEST_CASE("what is given back reads as zeros, and only whole pages of it") {
  constexpr std::size_t kBytes = std::size_t{5} * 4096;
  for (const bool shared : {false, true}) {
    CAPTURE(shared);
    const Mapping mapping =
        shared ? Mapping::shared_memory(kBytes, 4096) : Mapping::private_memory(kBytes, 0);
    mapping.take(4096, kBytes - 4096);
    std::memset(mapping.data(), 1, kBytes);
    mapping.give_back(4096 - 8, 8);  // within a page
    mapping.give_back(2 * 4096 - 8, 2 * 4096 + 16);
    for (std::size_t i = 0; i < kBytes; ++i) {
      REQUIRE(mapping.data()[i] == (i / 4096 == 2 || i / 4096 == 3 ? std::byte{0} : std::byte{1}));
    }
  }
}

TEST_CASE("shared memory holds what was taken, and nothing of what was not or was given back") {
  constexpr std::size_t kBytes = std::size_t{16} * 4096;
  const Mapping mapping = Mapping::shared_memory(kBytes, 4096);
  const auto held = [&] {
    struct stat status{};
    REQUIRE(::fstat(mapping.descriptor(), &status) == 0);
    return static_cast<std::size_t>(status.st_blocks) * 512;
  };
  CHECK(held() == 4096);
  mapping.take(4096, std::size_t{10} * 4096);
  CHECK(held() == std::size_t{11} * 4096);
  mapping.give_back(0, std::size_t{8} * 4096);
  CHECK(held() == std::size_t{3} * 4096);
}
