// Memory blocks that are lent again and again.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "system/fork_safe_mutex.hpp"
#include "system/mapping.hpp"

namespace framering::system {

// A large block straight from the kernel costs a page fault for each of its pages, which takes
// longer than to fill it from memory. Blocks that have been given back are there already, and the
// caches may still hold them. Safe to use from several threads.
class BlockPool {
 public:
  // Beyond these, what is given back goes to the kernel, and the oldest first.
  static constexpr std::ptrdiff_t kMostKept = 4;
  static constexpr std::size_t kMostBytesKept = std::size_t{64} << 20U;

 private:
  struct Shelf {
    ForkSafeMutex mutex;
    std::vector<Mapping> kept;  // oldest first

    void put(Mapping block);
  };

 public:
  // A block on loan, of at least the bytes asked for, with whatever its last user left in it. Given
  // back when this object ends, in any thread, be the pool still there or not.
  class Loan {
   public:
    Loan(Mapping block, std::weak_ptr<Shelf> shelf);
    Loan(Loan&& other) noexcept = default;
    Loan& operator=(Loan&&) = delete;
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    ~Loan();

    [[nodiscard]] std::byte* data() const { return block_.data(); }
    [[nodiscard]] std::size_t size() const { return block_.size(); }

   private:
    Mapping block_;
    std::weak_ptr<Shelf> shelf_;
  };

  // The block given back last among those of this size, else a new one. Throws OutOfMemory.
  [[nodiscard]] Loan lend(std::size_t bytes);

 private:
  std::shared_ptr<Shelf> shelf_ = std::make_shared<Shelf>();
};

}  // namespace framering::system
