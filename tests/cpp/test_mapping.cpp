#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <limits>
#include <system_error>

#include "system/mapping.hpp"

using framering::system::Mapping;
using framering::system::OutOfMemory;

TEST_CASE("private memory is zeroed and has no descriptor") {
  const Mapping mapping = Mapping::private_memory(10000);
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
  CHECK_THROWS_AS(Mapping::shared_memory(exbibyte), OutOfMemory);
  CHECK_THROWS_AS(Mapping::private_memory(exbibyte), OutOfMemory);
}

TEST_CASE("a moved mapping keeps its memory") {
  Mapping first = Mapping::private_memory(4096);
  first.data()[0] = std::byte{1};
  Mapping second = std::move(first);
  CHECK(second.data()[0] == std::byte{1});
  second = Mapping::private_memory(4096);
  CHECK(second.data()[0] == std::byte{0});
}
