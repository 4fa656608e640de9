// Sampling into new NumPy arrays.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ring/uniform_sampler.hpp"

namespace framering::bindings {

// A frozen window, with the ring that it belongs to.
struct BoundWindow {
  std::shared_ptr<const ring::Ring> ring;
  ring::Window window;
};

// What a batch's arrays look like.
struct BatchFormat {
  pybind11::dtype obs_dtype;
  std::vector<pybind11::ssize_t> obs_shape;  // the stack is in its first axis
  pybind11::dtype action_dtype;
};

class Sampler {
 public:
  Sampler(std::shared_ptr<ring::Ring> ring, BatchFormat format, std::uint64_t capacity,
          const ring::Returns& returns, std::uint64_t seed);

  // (observations, actions, next_observations, dones, rewards, discounts, places); the last is
  // int64 (B, 2): lane and arrival slot. A `seed` in [0, 1) takes the place of the sampler's own
  // generator. Where `contiguous` is false, next_observations may overlap observations in memory.
  pybind11::tuple sample(pybind11::ssize_t batch_size, std::optional<double> seed,
                         const BoundWindow* window, bool contiguous);

  // The same for given places. Throws IndexError for one that is no transition (any more).
  pybind11::tuple fetch(const pybind11::array& places, bool contiguous);

  BoundWindow window(std::uint64_t guard);
  [[nodiscard]] std::uint64_t least_transitions_seen();  // of all lanes, since the last forget
  void forget();

  [[nodiscard]] ring::Generator::State generator_state();
  void set_generator_state(const ring::Generator::State& state);

 private:
  using DrawAgain = std::function<ring::Transition(std::size_t)>;
  pybind11::tuple gather(std::vector<ring::Transition>& rows, bool contiguous,
                         const DrawAgain& draw_again);

  std::shared_ptr<ring::Ring> ring_;
  BatchFormat format_;
  ring::UniformSampler sampler_;
  ring::Generator generator_;
  std::mutex mutex_;
};

}  // namespace framering::bindings
