// Uniform sampling into NumPy arrays.
#pragma once

#include "bindings/sampler_base.hpp"
#include "ring/uniform_sampler.hpp"

namespace framering::bindings {

class Sampler final : public SamplerBase {
 public:
  Sampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format, std::uint64_t capacity,
          const ring::NStepParams& n_step_params, std::uint64_t seed);

  // A `seed` in [0, 1) replaces the sampler's own generator.
  pybind11::object sample(pybind11::ssize_t batch_size, std::optional<double> seed,
                          const BoundWindow* window, const BatchOptions& options);

  // Draws that were repeated because a writer had overwritten the slot.
  [[nodiscard]] std::uint64_t overruns();

  ring::WindowFinder& windows() override { return sampler_.windows(); }

 protected:
  [[nodiscard]] const ring::NStepParams& n_step_params() const override {
    return sampler_.n_step_params();
  }

 private:
  ring::UniformSampler sampler_;
};

}  // namespace framering::bindings
