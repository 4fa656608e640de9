#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <fstream>
#include <limits>
#include <string>

#include "system/pages.hpp"

namespace framering::system {

std::uint64_t reported_memory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::uint64_t kibibytes = 0;
  std::string unit;
  while (meminfo >> key >> kibibytes) {
    if (key == "MemAvailable:") {
      return kibibytes << 10U;
    }
    std::getline(meminfo, unit);
  }
  return std::numeric_limits<std::uint64_t>::max();
}

void advise_huge_pages(std::byte* data, std::size_t bytes) {
  // An error is ignored: a kernel without huge pages returns one, and nothing depends on them.
  ::madvise(data, bytes, MADV_HUGEPAGE);
}

int create_shared_file() { return ::memfd_create("framering", MFD_CLOEXEC); }

std::size_t shared_file_bytes(std::size_t bytes) { return bytes; }

int allocate_shared_pages(int descriptor, std::size_t offset, std::size_t bytes) {
  return ::fallocate(descriptor, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0
             ? 0
             : errno;
}

int free_private_pages(std::byte* data, std::size_t bytes) {
  return ::madvise(data, bytes, MADV_DONTNEED) == 0 ? 0 : errno;
}

int free_shared_pages(int descriptor, std::size_t offset, std::size_t bytes) {
  return ::fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                     static_cast<off_t>(offset), static_cast<off_t>(bytes)) == 0
             ? 0
             : errno;
}

}  // namespace framering::system
