// Sums over many values, of which some change and one is found by a running total.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace framering::ring {

// A tree of nodes with eight children, each node one cache line. An inner value is always computed
// anew as the sum of its children, never changed by a difference, so that no error builds up
// however often values are set.
class SumTree {
 public:
  // Starts with zeros.
  explicit SumTree(std::uint64_t size);

  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] double total() const;
  [[nodiscard]] double get(std::uint64_t index) const;

  // Values are finite and not negative.
  void set(std::uint64_t index, double value);

  // Values for consecutive indices; cheaper than one by one.
  void set_range(std::uint64_t first, std::span<const double> values);

  // The index whose interval holds `position` when all values are laid end to end from 0; never one
  // with value 0. The total must be more than 0, and position in [0, total).
  [[nodiscard]] std::uint64_t find(double position) const;

 private:
  static constexpr std::size_t kChildren = 8;
  struct alignas(64) Node {
    std::array<double, kChildren> values{};
    [[nodiscard]] double sum() const;
  };

  std::uint64_t size_;
  std::vector<std::vector<Node>> levels_;  // leaves first; the last has one node
};

}  // namespace framering::ring
