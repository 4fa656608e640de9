#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

#include "system/block_pool.hpp"

using framering::system::BlockPool;
using framering::system::kHugePage;

namespace {

// Mapped memory is zeroed: a byte that is not zero was written by an earlier user.
bool is_new(const BlockPool::Loan& loan) { return loan.data()[0] == std::byte{0}; }

void mark(const BlockPool::Loan& loan) { loan.data()[0] = std::byte{1}; }

}  // namespace

TEST_CASE("a returned block is lent again") {
  BlockPool pool;
  mark(pool.lend(100'000));
  CHECK_FALSE(is_new(pool.lend(100'000)));
}

TEST_CASE("blocks on loan at the same time are different") {
  BlockPool pool;
  mark(pool.lend(100'000));
  const auto first = pool.lend(100'000);
  const auto second = pool.lend(100'000);
  CHECK(first.data() != second.data());
  CHECK(is_new(second));
}

TEST_CASE("a block is lent again only for its own size") {
  BlockPool pool;
  mark(pool.lend(100'000));
  CHECK(is_new(pool.lend(200'000)));
  CHECK_FALSE(is_new(pool.lend(100'000)));
}

TEST_CASE("the pool keeps only the newest few blocks") {
  BlockPool pool;
  const auto kept = static_cast<std::size_t>(BlockPool::kMostKept);
  std::vector<BlockPool::Loan> loans;
  for (std::size_t i = 0; i <= kept; ++i) {
    loans.push_back(pool.lend(100'000 * (i + 1)));
  }
  for (auto& loan : loans) {
    mark(loan);
    const BlockPool::Loan given_back = std::move(loan);
  }
  CHECK(is_new(pool.lend(100'000)));
  CHECK_FALSE(is_new(pool.lend(100'000 * (kept + 1))));
}

TEST_CASE("the pool keeps no more than its limit of bytes") {
  BlockPool pool;
  mark(pool.lend(BlockPool::kMostBytesKept + 1));
  CHECK(is_new(pool.lend(BlockPool::kMostBytesKept + 1)));
  const std::size_t half = BlockPool::kMostBytesKept / 2;
  std::vector<BlockPool::Loan> loans;
  loans.push_back(pool.lend(half));
  loans.push_back(pool.lend(half));
  loans.push_back(pool.lend(half));
  for (const auto& loan : loans) {
    mark(loan);
  }
  loans.clear();
  const auto first = pool.lend(half);
  const auto second = pool.lend(half);
  CHECK_FALSE(is_new(first));
  CHECK_FALSE(is_new(second));
  CHECK(is_new(pool.lend(half)));
}

TEST_CASE("a large block consists of whole huge pages") {
  BlockPool pool;
  const auto loan = pool.lend(kHugePage / 2 + 1);
  CHECK(reinterpret_cast<std::uintptr_t>(loan.data()) % kHugePage == 0);
  CHECK(loan.size() == kHugePage);
}

TEST_CASE("a loan outlives its pool") {
  std::optional<BlockPool> pool(std::in_place);
  const auto loan = pool->lend(100'000);
  pool.reset();
  loan.data()[99'999] = std::byte{1};
  CHECK(loan.data()[99'999] == std::byte{1});
}

TEST_CASE("a block is on loan to one thread at a time") {
  BlockPool pool;
  const auto borrow = [&pool](std::uint8_t name) {
    for (int i = 0; i < 2000; ++i) {
      const auto loan = pool.lend(100'000);
      loan.data()[50'000] = std::byte{name};
      std::this_thread::yield();
      REQUIRE(loan.data()[50'000] == std::byte{name});
    }
  };
  const std::jthread one(borrow, std::uint8_t{1});
  const std::jthread two(borrow, std::uint8_t{2});
}
