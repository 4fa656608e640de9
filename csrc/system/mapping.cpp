#include "system/mapping.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <system_error>

#include "system/available_memory.hpp"
#include "system/pages.hpp"

namespace framering::system {

namespace {

[[noreturn]] void fail(int error, const char* action) {
  throw std::system_error(error, std::generic_category(), action);
}

std::string mebibytes(std::uint64_t bytes) { return std::to_string(bytes >> 20U) + " MiB"; }

[[noreturn]] void out_of_memory(std::size_t bytes, const char* what) {
  const std::uint64_t available = available_memory();
  if (bytes <= available) {
    throw OutOfMemory("memory: expected an address space for " + mebibytes(bytes) + " for " + what +
                      ", got a smaller limit (ulimit -v, or vm.overcommit_memory=2); raise it, or "
                      "request less: a replay buffer reserves less with a memory_limit");
  }
  throw OutOfMemory("memory: expected at most the available " + mebibytes(available) + ", got " +
                    mebibytes(bytes) + " for " + what +
                    "; request less: a replay buffer takes less with a memory_limit. Where the "
                    "system reports too little, as in a virtual machine whose memory grows, set "
                    "FRAMERING_MEMORY to the bytes that it can have");
}

// Owns a descriptor until the mapping is complete.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (value_ >= 0) {
      ::close(value_);
    }
  }
  [[nodiscard]] int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

std::byte* map(std::size_t bytes, int flags, int descriptor, const char* what) {
  void* address = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, flags, descriptor, 0);
  if (address == MAP_FAILED) {
    if (errno == ENOMEM) {
      out_of_memory(bytes, what);
    }
    fail(errno, "mapping memory");
  }
  return static_cast<std::byte*>(address);
}

std::size_t page_bytes() {
  static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return bytes;
}

}  // namespace

Mapping Mapping::private_memory(std::size_t bytes, std::size_t huge, const char* what) {
  // The block is aligned to a huge page: one huge page more is mapped, and both ends are unmapped.
  const std::size_t spare = bytes < kHugePage ? 0 : kHugePage;
  // Most of it may never be written, so the kernel must not count all of it as used.
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (huge < bytes ? MAP_NORESERVE : 0);
  std::byte* mapped = map(bytes + spare, flags, -1, what);
  const std::size_t before = spare == 0 ? 0 : -reinterpret_cast<std::uintptr_t>(mapped) % kHugePage;
  std::byte* data = mapped + before;
  if (before > 0) {
    ::munmap(mapped, before);
  }
  const std::size_t end = (before + bytes + page_bytes() - 1) / page_bytes() * page_bytes();
  if (end < bytes + spare) {
    ::munmap(mapped + end, bytes + spare - end);
  }
  advise_huge_pages(data, huge);
  return {data, bytes, -1};
}

Mapping Mapping::shared_memory(std::size_t bytes, std::size_t taken) {
  if (taken > available_memory()) {
    out_of_memory(taken, "a ring");
  }
  Descriptor file(create_shared_file());
  if (file.get() < 0) {
    fail(errno, "creating shared memory");
  }
  if (::ftruncate(file.get(), static_cast<off_t>(shared_file_bytes(bytes))) != 0) {
    fail(errno, "sizing shared memory");
  }
  Mapping mapping(map(bytes, MAP_SHARED, file.get(), "a ring"), bytes, -1);
  advise_huge_pages(mapping.data_, taken);
  mapping.descriptor_ = file.release();
  mapping.take(0, taken);
  return mapping;
}

void Mapping::take(std::size_t offset, std::size_t bytes) const {
  // What other programs, and this one's own heap, may need meanwhile.
  constexpr std::size_t kSpare = std::size_t{64} << 20U;
  if (bytes + kSpare > available_memory()) {
    out_of_memory(bytes + kSpare, "a ring");
  }
  if (descriptor_ < 0) {
    return;
  }
  int error = 0;
  do {
    error = allocate_shared_pages(descriptor_, offset, bytes);
  } while (error == EINTR);
  if (error == ENOSPC || error == ENOMEM) {
    out_of_memory(bytes, "a ring");
  }
  if (error != 0) {
    fail(error, "reserving shared memory");
  }
}

void Mapping::give_back(std::size_t offset, std::size_t bytes) const {
  const std::size_t first = (offset + page_bytes() - 1) / page_bytes() * page_bytes();
  const std::size_t end = (offset + bytes) / page_bytes() * page_bytes();
  if (first >= end) {
    return;
  }
  const int error = descriptor_ < 0 ? free_private_pages(data_ + first, end - first)
                                    : free_shared_pages(descriptor_, first, end - first);
  // If the call was interrupted, or the kernel had too little memory to do it, the pages stay. They
  // are written again a lap later.
  if (error != 0 && error != EINTR && error != ENOMEM && error != EAGAIN) {
    fail(error, "giving memory back");
  }
}

Mapping Mapping::attach(int descriptor) {
  Descriptor file(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (file.get() < 0) {
    fail(errno, "attaching to shared memory: the descriptor is not open in this process");
  }
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) {
    fail(errno, "attaching to shared memory: getting its size");
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  std::byte* data = map(bytes, MAP_SHARED, file.get(), "a ring");
  return {data, bytes, file.release()};
}

bool Mapping::is_shared_memory_of(std::size_t bytes) const {
  return size_ == shared_file_bytes(bytes);
}

Mapping::Mapping(Mapping&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      descriptor_(std::exchange(other.descriptor_, -1)) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    descriptor_ = std::exchange(other.descriptor_, -1);
  }
  return *this;
}

Mapping::~Mapping() { release(); }

void Mapping::release() noexcept {
  if (data_ != nullptr) {
    ::munmap(data_, size_);
  }
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

}  // namespace framering::system
