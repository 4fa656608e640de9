// Prioritized sampling into NumPy arrays.
#pragma once

#include <utility>

#include "bindings/sampler_base.hpp"
#include "ring/prioritized_sampler.hpp"

namespace framering::bindings {

class PrioritizedSampler final : public SamplerBase {
 public:
  PrioritizedSampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format,
                     std::uint64_t capacity, const ring::NStepParams& n_step_params,
                     std::uint64_t seed, double alpha);

  // A batch with weights and indices; an index is slot · lanes + lane.
  pybind11::object sample(pybind11::ssize_t batch_size, std::optional<double> seed,
                          const BoundWindow* window, const BatchOptions& options, double beta);

  // Priorities float32 or float64 (B,) of indices as sample gives them, to each of which epsilon is
  // added. Throws ValueError for one that is negative or not finite, and IndexError for an index
  // that was never sampled from; then nothing has changed.
  void update(const pybind11::array& indices, const pybind11::array& priorities, double epsilon);

  // float32 (slots of the window,), and the highest priority so far; for snapshots.
  [[nodiscard]] std::pair<pybind11::array_t<float>, float> priorities();
  void restore(const pybind11::array& priorities, float highest);

  // The least probability of a row of the last sample; 1 before the first.
  [[nodiscard]] double least_probability() const { return least_probability_; }

  [[nodiscard]] double alpha();
  void set_alpha(double alpha);

  ring::WindowFinder& windows() override { return sampler_.windows(); }

 protected:
  [[nodiscard]] const ring::NStepParams& n_step_params() const override {
    return sampler_.n_step_params();
  }

 private:
  ring::PrioritizedSampler sampler_;
  double least_probability_ = 1;
};

}  // namespace framering::bindings
