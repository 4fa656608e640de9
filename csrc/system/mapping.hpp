// A block of zeroed memory from the kernel, private to this process or shared with its children.
#pragma once

#include <cstddef>
#include <new>
#include <string>
#include <utility>

namespace framering::system {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20U;

// Thrown where there is not enough memory. The message names the bytes requested and available.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::string message) : message_(std::move(message)) {}
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// Owns a mapping and, if it is shared, the descriptor of its anonymous file. Nothing remains in the
// file system, even if the processes that use it are killed.
class Mapping {
 public:
  // Pages are allocated when they are first written, the first `huge` bytes as huge pages where the
  // kernel has them. `what` names the purpose in the message of OutOfMemory.
  static Mapping private_memory(std::size_t bytes, std::size_t huge, const char* what = "a ring");

  // The pages of the first `taken` bytes are allocated now, so that a lack of memory is an
  // exception here instead of a signal later; the others must be taken before they are written. The
  // descriptor is closed on exec: a forked child inherits it, but it must be passed to a process
  // that is started as a new program.
  static Mapping shared_memory(std::size_t bytes, std::size_t taken);

  // Maps the whole shared memory of another process. The descriptor is duplicated.
  static Mapping attach(int descriptor);

  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

  // Call it before these bytes are written for the first time. Allocates pages of shared memory.
  // Throws OutOfMemory where the kernel has too little memory: it would kill a process that writes.
  void take(std::size_t offset, std::size_t bytes) const;

  // Frees the pages that lie within these bytes, as far as the system can: see pages.hpp. What
  // they hold is unspecified until it is written again.
  void give_back(std::size_t offset, std::size_t bytes) const;

  // Whether an attached mapping is of shared memory for so many bytes.
  [[nodiscard]] bool is_shared_memory_of(std::size_t bytes) const;

  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  // −1 for private memory.
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  Mapping(std::byte* data, std::size_t size, int descriptor)
      : data_(data), size_(size), descriptor_(descriptor) {}
  void release() noexcept;

  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
  int descriptor_ = -1;
};

}  // namespace framering::system
