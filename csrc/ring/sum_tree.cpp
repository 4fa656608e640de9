#include "ring/sum_tree.hpp"

namespace framering::ring {

// In pairs, which is as exact as a tree and leaves nothing waiting.
double SumTree::Node::sum() const {
  return ((values[0] + values[1]) + (values[2] + values[3])) +
         ((values[4] + values[5]) + (values[6] + values[7]));
}

SumTree::SumTree(std::uint64_t size) : size_(size) {
  std::uint64_t nodes = size;
  do {
    nodes = (nodes + kChildren - 1) / kChildren;
    levels_.emplace_back(nodes);
  } while (nodes > 1);
}

double SumTree::total() const { return levels_.back().front().sum(); }

double SumTree::get(std::uint64_t index) const {
  return levels_.front()[index / kChildren].values[index % kChildren];
}

void SumTree::set(std::uint64_t index, double value) { set_range(index, {&value, 1}); }

void SumTree::set_range(std::uint64_t first, std::span<const double> values) {
  if (values.empty()) {
    return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    levels_.front()[(first + i) / kChildren].values[(first + i) % kChildren] = values[i];
  }
  std::uint64_t low = first / kChildren;
  std::uint64_t high = (first + values.size() - 1) / kChildren;
  for (std::size_t level = 1; level < levels_.size(); ++level) {
    for (std::uint64_t node = low; node <= high; ++node) {
      levels_[level][node / kChildren].values[node % kChildren] = levels_[level - 1][node].sum();
    }
    low /= kChildren;
    high /= kChildren;
  }
}

std::uint64_t SumTree::find(double position) const {
  std::uint64_t index = 0;
  for (std::size_t level = levels_.size(); level-- > 0;) {
    const Node& node = levels_[level][index];
    // Rounding may leave the position beyond the last child: then the last one that has a value.
    std::size_t chosen = 0;
    for (std::size_t child = 0; child < kChildren; ++child) {
      if (node.values[child] > 0) {
        chosen = child;
        if (position < node.values[child]) {
          break;
        }
        position -= node.values[child];
      }
    }
    index = index * kChildren + chosen;
  }
  return index;
}

}  // namespace framering::ring
