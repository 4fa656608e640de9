// Transitions drawn uniformly from all lanes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ring/generator.hpp"
#include "ring/overtaken.hpp"
#include "ring/transition.hpp"
#include "ring/window.hpp"

namespace framering::ring {

// Not thread-safe: one caller at a time.
class UniformSampler {
 public:
  UniformSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity, const Returns& returns);

  [[nodiscard]] WindowFinder& windows() { return finder_; }
  [[nodiscard]] const Returns& returns() const { return returns_; }

  // Draws rows with replacement: from a frozen window, or where that is null from what is there
  // now. Throws std::invalid_argument where there is no transition, and Overtaken.
  void draw(std::span<Transition> rows, const Window* frozen, Generator& generator);

  // One more, in the place of one that was overtaken. Throws Overtaken for a frozen window, whose
  // draws must not depend on what the writers do.
  Transition draw_again(const Window* frozen, Generator& generator);

  // Draws so far that had to be made again because a writer had overtaken them.
  [[nodiscard]] std::uint64_t overtaken() const { return overtaken_; }

 private:
  static Place draw_place(const Window& window, Generator& generator);
  std::optional<Transition> accept(const Place& place, const Window* frozen);
  Transition draw_one(const Window* frozen, Generator& generator);

  std::shared_ptr<const Ring> ring_;
  Returns returns_;
  WindowFinder finder_;
  Window live_;  // kept for its memory
  std::uint64_t overtaken_ = 0;
};

}  // namespace framering::ring
