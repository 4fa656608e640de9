// Memory of the POSIX back end.
#include <doctest/doctest.h>
#include <fcntl.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "system/mapping.hpp"

using framering::system::Mapping;

namespace {

// Bytes of a mapping that the kernel may take when it needs memory.
std::size_t free_bytes(const Mapping& mapping) {
  std::ifstream table("/proc/self/smaps");
  std::size_t found = 0;
  bool inside = false;
  for (std::string line; std::getline(table, line);) {
    if (const std::size_t dash = line.find('-'); dash < 17) {  // else npos, or a name
      const auto address = reinterpret_cast<std::size_t>(mapping.data());
      inside = std::stoull(line, nullptr, 16) <= address &&
               address < std::stoull(line.substr(dash + 1), nullptr, 16);
    } else if (inside && line.starts_with("LazyFree:")) {
      found += std::stoull(line.substr(9)) * 1024;
    }
  }
  return found;
}

}  // namespace

TEST_CASE("shared memory leaves no name behind") {
  const Mapping mapping = Mapping::shared_memory(4096, 4096);
  CHECK((::fcntl(mapping.descriptor(), F_GETFD) & FD_CLOEXEC) != 0);
  for (const auto& entry : std::filesystem::directory_iterator("/dev/shm")) {
    CHECK_FALSE(entry.path().filename().string().starts_with("framering-"));
  }
}

TEST_CASE("a block of shared memory is another one each time") {
  const Mapping first = Mapping::shared_memory(4096, 4096);
  const Mapping second = Mapping::shared_memory(4096, 4096);
  first.data()[0] = std::byte{1};
  CHECK(second.data()[0] == std::byte{0});
}

TEST_CASE("the kernel may take private memory that is given back") {
  constexpr std::size_t kBytes = std::size_t{1} << 20U;
  const Mapping mapping = Mapping::private_memory(kBytes, 0);
  std::memset(mapping.data(), 1, kBytes);
  CHECK(free_bytes(mapping) == 0);
  mapping.give_back(0, kBytes);
  // Linux marks the last few pages a little later.
  CHECK(free_bytes(mapping) > kBytes / 2);
}
