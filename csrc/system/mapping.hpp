// One block of zeroed memory from the kernel, private to this process or shared with its children.
#pragma once

#include <cstddef>
#include <new>
#include <string>
#include <utility>

namespace framering::system {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20U;

// Thrown where memory runs out; carries what was asked for and what there was.
class OutOfMemory : public std::bad_alloc {
 public:
  explicit OutOfMemory(std::string message) : message_(std::move(message)) {}
  [[nodiscard]] const char* what() const noexcept override { return message_.c_str(); }

 private:
  std::string message_;
};

// Owns a mapping, and for a shared one the descriptor of the anonymous file behind it. Nothing is
// left in the file system, however the processes that use it end.
class Mapping {
 public:
  // Pages come when they are first written, as huge pages where the kernel gives them. `what` it is
  // for is named where there is no memory.
  static Mapping private_memory(std::size_t bytes, const char* what = "a ring");

  // All pages are taken now, so that a lack of memory is an error here and no signal later. The
  // descriptor is closed on exec; a child by fork inherits it, another is handed it.
  static Mapping shared_memory(std::size_t bytes);

  // Maps the whole of another process's shared memory. The descriptor is duplicated.
  static Mapping attach(int descriptor);

  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  ~Mapping();

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
