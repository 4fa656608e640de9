// Transitions drawn in proportion to their priorities (Schaul et al., Prioritized Experience
// Replay, 2016, the proportional variant).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <vector>

#include "ring/generator.hpp"
#include "ring/sum_tree.hpp"
#include "ring/transition.hpp"
#include "ring/window.hpp"

namespace framering::ring {

struct PrioritizedRow {
  Transition transition;
  double probability = 0;  // but for a factor that all rows of a batch share
};

// The weights (N · P)^−β, over the largest of the batch.
std::vector<float> importance_weights(std::span<const PrioritizedRow> rows, double beta);

// What priorities and alpha may be, so that the power of any priority, and the sum of the powers
// over the largest ring (2^40 slots a lane, and memory for no more than 2^60 of them), is a finite
// double above zero: 2^(128·7) · 2^60 < 2^1024, and 2^(−126·7) > 2^−1022.
inline constexpr double kLargestAlpha = 7;
inline constexpr float kSmallestPriority = std::numeric_limits<float>::min();
inline constexpr float kLargestPriority = std::numeric_limits<float>::max();

// The priorities belong to the sampler; writers know nothing of them. Before it draws, it takes in
// what was published since, at the highest priority so far, and drops what left the window.
// Not thread-safe: one caller at a time.
class PrioritizedSampler {
 public:
  // Throws std::invalid_argument for an alpha that is not from 0 to kLargestAlpha.
  PrioritizedSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity,
                     const NStepParams& n_step_params, double alpha);

  [[nodiscard]] WindowFinder& windows() { return finder_; }
  [[nodiscard]] const NStepParams& n_step_params() const { return n_step_params_; }

  [[nodiscard]] double alpha() const { return alpha_; }
  void set_alpha(double alpha);

  [[nodiscard]] float highest() const { return highest_; }

  // The sum of the powers of all priorities, by which a row's probability is to be divided.
  [[nodiscard]] double total() const { return tree_.total(); }

  // Stratified: row i is drawn from the i-th of as many equal parts of the sum of priorities. From
  // a frozen window, which must be no older than one used before, or where that is null from what
  // is there now. Throws std::invalid_argument where there is nothing to draw, and Overrun.
  void draw(std::span<PrioritizedRow> rows, const Window* frozen, Generator& generator);

  // Draws one more instead of one that was overwritten. Throws Overrun for a frozen window.
  PrioritizedRow draw_again(const Window* frozen, Generator& generator);

  // Sets priorities. Slots that have left the window are ignored. Throws, before anything
  // changes, std::invalid_argument for a priority that is not from kSmallestPriority to
  // kLargestPriority, and std::out_of_range for a slot that never was in a window.
  void update(std::span<const SlotIndex> slot_indices, std::span<const double> priorities);

  // The priorities of a window's slots, lane after lane, 0 for what is no transition; and back,
  // into a new sampler. Throws std::invalid_argument for numbers that do not fit.
  [[nodiscard]] std::vector<float> priorities(const Window& window);
  void restore(const Window& window, std::span<const float> priorities, float highest);

 private:
  struct Taken {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
  };

  void take_in(const Window& window);
  void set_slots(std::size_t lane, std::uint64_t first, std::uint64_t last, double value);
  [[nodiscard]] PrioritizedRow find(double position) const;
  bool complete(PrioritizedRow& row, const Window* frozen);
  [[nodiscard]] double positive_total() const;
  [[nodiscard]] double power(float priority) const;
  [[nodiscard]] std::uint64_t leaf_of(const SlotIndex& slot_index) const;

  std::shared_ptr<const Ring> ring_;
  NStepParams n_step_params_;
  WindowFinder finder_;
  Window live_;
  std::vector<Taken> taken_;       // the slots of each lane that are in the tree
  std::vector<float> priorities_;  // before they are raised to alpha; by leaf
  SumTree tree_;
  double alpha_;
  float highest_ = 1;
};

}  // namespace framering::ring
