#include <doctest/doctest.h>

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

TEST_CASE("an attached mapping knows the size that was asked for") {
  const Mapping here = Mapping::shared_memory(10000, 10000);
  const Mapping there = Mapping::attach(here.descriptor());
  CHECK(there.is_shared_memory_of(10000));
  CHECK_FALSE(there.is_shared_memory_of(100000));
}

TEST_CASE("bytes beside those that are given back stay as they are") {
  constexpr std::size_t kBytes = std::size_t{64} << 10U;
  for (const bool shared : {false, true}) {
    CAPTURE(shared);
    const Mapping mapping =
        shared ? Mapping::shared_memory(kBytes, kBytes) : Mapping::private_memory(kBytes, 0);
    std::memset(mapping.data(), 1, kBytes);
    mapping.give_back(kBytes / 4 - 8, 8);  // within a page
    mapping.give_back(kBytes / 4 - 8, kBytes / 2 + 16);
    for (std::size_t i = 0; i < kBytes; ++i) {
      const std::byte byte = mapping.data()[i];
      const bool given_back = i >= kBytes / 4 && i < kBytes / 4 * 3;
      REQUIRE((byte == std::byte{1} || (given_back && byte == std::byte{0})));
    }
    std::memset(mapping.data(), 2, kBytes);
    CHECK(mapping.data()[kBytes / 2] == std::byte{2});
  }
}
