#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "ring/generator.hpp"
#include "ring/sum_tree.hpp"

using framering::ring::Generator;
using framering::ring::SumTree;

TEST_CASE("a position finds the value whose interval holds it") {
  for (const std::uint64_t size : {1U, 5U, 8U, 9U, 64U, 65U, 1000U}) {
    SumTree tree(size);
    for (std::uint64_t i = 0; i < size; ++i) {
      tree.set(i, i % 3 == 1 ? 0 : static_cast<double>(1 + i % 5));
    }
    double begin = 0;
    for (std::uint64_t i = 0; i < size; ++i) {
      const double value = tree.get(i);
      if (value > 0) {
        CHECK(tree.find(begin) == i);
        CHECK(tree.find(begin + value - 0.5) == i);
      }
      begin += value;
    }
    CHECK(tree.total() == begin);
  }
}

TEST_CASE("a range is set as its values one by one") {
  SumTree one_by_one(700);
  SumTree range(700);
  std::vector<double> values(500);
  std::iota(values.begin(), values.end(), 1.0);
  range.set_range(123, values);
  for (std::size_t i = 0; i < values.size(); ++i) {
    one_by_one.set(123 + i, values[i]);
  }
  CHECK(range.total() == one_by_one.total());
  for (int step = 0; step * 777.0 < range.total(); ++step) {
    const double position = step * 777.0;
    CHECK(range.find(position) == one_by_one.find(position));
  }
}

TEST_CASE("a position that rounding pushed to the end finds a value that is not 0") {
  SumTree tree(20);
  tree.set(3, 0.1);
  tree.set(4, 0.2);
  CHECK(tree.get(tree.find(tree.total())) > 0);
  CHECK(tree.get(tree.find(std::nextafter(tree.total(), 0))) > 0);
}

TEST_CASE("sums do not drift over 1e8 sets") {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr int kSets = 1'000'000;  // a sanitizer makes each take fifty times as long
#else
  constexpr int kSets = 100'000'000;
#endif
  constexpr std::uint64_t kSize = 1000;
  // Over 17 orders of magnitude, so that a sum kept by differences would lose the small ones.
  Generator generator(1);
  std::vector<double> drawn(1U << 12U);
  std::ranges::generate(drawn, [&] { return std::exp(40 * generator.uniform() - 20); });
  SumTree tree(kSize);
  for (int i = 0; i < kSets; ++i) {
    const std::uint64_t bits = generator.next();
    tree.set((bits >> 32U) * kSize >> 32U, drawn[bits % drawn.size()]);
  }
  SumTree fresh(kSize);
  for (std::uint64_t i = 0; i < kSize; ++i) {
    fresh.set(i, tree.get(i));
  }
  CHECK(tree.total() == fresh.total());
  for (int i = 0; i < 1000; ++i) {
    const double position = generator.uniform() * fresh.total();
    CHECK(tree.find(position) == fresh.find(position));
  }
}
