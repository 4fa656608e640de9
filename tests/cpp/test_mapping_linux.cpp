// Memory that the Linux back end gives back at once.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstring>

#include "system/mapping.hpp"

using framering::system::Mapping;

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
