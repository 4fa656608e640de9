#include "system/block_pool.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

namespace framering::system {

namespace {

constexpr std::size_t kPage = 4096;

// Rounds up to whole huge pages, from half of one on: no other blocks can have huge pages.
std::size_t block_bytes(std::size_t bytes) {
  const std::size_t unit = bytes > kHugePage / 2 ? kHugePage : kPage;
  return (bytes + unit - 1) / unit * unit;
}

}  // namespace

void BlockPool::Shelf::put(Mapping block) {
  // Removed with the lock held; unmapped after it was released.
  std::vector<Mapping> dropped;
  const std::lock_guard lock(mutex);
  kept.push_back(std::move(block));
  std::size_t bytes = 0;
  for (const Mapping& each : kept) {
    bytes += each.size();
  }
  auto oldest = kept.begin();
  for (; kept.end() - oldest > kMostKept || bytes > kMostBytesKept; ++oldest) {
    bytes -= oldest->size();
  }
  dropped.assign(std::make_move_iterator(kept.begin()), std::make_move_iterator(oldest));
  kept.erase(kept.begin(), oldest);
}

BlockPool::Loan::Loan(Mapping block, std::weak_ptr<Shelf> shelf)
    : block_(std::move(block)), shelf_(std::move(shelf)) {}

BlockPool::Loan::~Loan() {
  if (block_.data() == nullptr) {
    return;  // moved from
  }
  if (const auto shelf = shelf_.lock()) {
    shelf->put(std::move(block_));
  }
}

BlockPool::Loan BlockPool::lend(std::size_t bytes) {
  const std::size_t size = block_bytes(bytes);
  {
    const std::lock_guard lock(shelf_->mutex);
    auto& kept = shelf_->kept;
    const auto found = std::ranges::find_if(
        kept.rbegin(), kept.rend(), [&](const Mapping& block) { return block.size() == size; });
    if (found != kept.rend()) {
      Loan loan(std::move(*found), shelf_);
      kept.erase(std::next(found).base());
      return loan;
    }
  }
  return {Mapping::private_memory(size, size, "a batch"), shelf_};
}

}  // namespace framering::system
