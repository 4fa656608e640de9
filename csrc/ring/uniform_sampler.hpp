// Transitions drawn uniformly from all lanes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ring/generator.hpp"
#include "ring/overrun.hpp"
#include "ring/transition.hpp"
#include "ring/window.hpp"

namespace framering::ring {

// Not thread-safe: one caller at a time.
class UniformSampler {
 public:
  UniformSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity,
                 const NStepParams& n_step_params);

  [[nodiscard]] WindowFinder& windows() { return finder_; }
  [[nodiscard]] const NStepParams& n_step_params() const { return n_step_params_; }

  // Draws rows with replacement: from a frozen window, or where that is null from what is there
  // now. Throws std::invalid_argument where there is no transition, and Overrun.
  void draw(std::span<Transition> rows, const Window* frozen, Generator& generator);

  // Draws one more instead of one that was overwritten. Throws Overrun for a frozen window, whose
  // draws must not depend on what the writers do.
  Transition draw_again(const Window* frozen, Generator& generator);

  // Draws that were repeated because a writer had overwritten the slot.
  [[nodiscard]] std::uint64_t overruns() const { return overruns_; }

 private:
  static SlotIndex draw_slot_index(const Window& window, Generator& generator);
  std::optional<Transition> accept(const SlotIndex& slot_index, const Window* frozen);
  Transition draw_one(const Window* frozen, Generator& generator);

  std::shared_ptr<const Ring> ring_;
  NStepParams n_step_params_;
  WindowFinder finder_;
  Window live_;  // kept for its memory
  std::uint64_t overruns_ = 0;
};

}  // namespace framering::ring
