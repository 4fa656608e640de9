// A pool of large memory blocks, each used many times.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "system/fork_safe_mutex.hpp"
#include "system/mapping.hpp"

namespace framering::system {

// A large block straight from the kernel costs a page fault for each of its pages, which takes
// longer than to fill it from memory. A block that was given back has its pages, and may
// still be in the caches. Safe to use from several threads.
class BlockPool {
 public:
  // The most that the pool keeps of what was given back; beyond that, it unmaps the oldest blocks.
  static constexpr std::ptrdiff_t kMostKept = 4;
  static constexpr std::size_t kMostBytesKept = std::size_t{64} << 20U;

 private:
  struct Shelf {
    ForkSafeMutex mutex;
    std::vector<Mapping> kept;  // oldest first

    void put(Mapping block);
  };

 public:
  // A block on loan, of at least the requested size, which holds what its last user left in it. The
  // destructor gives it back, in any thread; it unmaps the block if the pool no longer exists.
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
