#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <limits>
#include <string>

#include "system/pages.hpp"

namespace framering::system {

namespace {

std::uint64_t page_bytes() { return static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)); }

// At most 30 bytes, which macOS allows.
std::string next_name() {
  static std::atomic<std::uint32_t> number{0};
  return "/framering-" + std::to_string(::getpid()) + "-" + std::to_string(number++);
}

}  // namespace

std::uint64_t reported_memory() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  return pages <= 0 ? std::numeric_limits<std::uint64_t>::max()
                    : static_cast<std::uint64_t>(pages) * page_bytes();
}

void advise_huge_pages(std::byte* /*data*/, std::size_t /*bytes*/) {}

int create_shared_file() {
  // A name is taken where a process with this one's number was killed before it removed it, or has
  // the same number in another namespace.
  for (;;) {
    const std::string name = next_name();
    const int descriptor = ::shm_open(name.c_str(), O_CREAT | O_EXCL | O_RDWR, S_IRUSR | S_IWUSR);
    if (descriptor >= 0) {
      ::shm_unlink(name.c_str());
      return descriptor;
    }
    if (errno != EEXIST && errno != EINTR) {
      return -1;
    }
  }
}

std::size_t shared_file_bytes(std::size_t bytes) {
  return (bytes + page_bytes() - 1) / page_bytes() * page_bytes();
}

#if defined(FRAMERING_HAS_POSIX_FALLOCATE)
int allocate_shared_pages(int descriptor, std::size_t offset, std::size_t bytes) {
  return ::posix_fallocate(descriptor, static_cast<off_t>(offset), static_cast<off_t>(bytes));
}
#else
int allocate_shared_pages(int /*descriptor*/, std::size_t /*offset*/, std::size_t /*bytes*/) {
  return 0;
}
#endif

int free_private_pages(std::byte* data, std::size_t bytes) {
  return ::madvise(data, bytes, MADV_FREE) == 0 ? 0 : errno;
}

int free_shared_pages(int /*descriptor*/, std::size_t /*offset*/, std::size_t /*bytes*/) {
  return 0;
}

}  // namespace framering::system
