// Uniform sampling into NumPy arrays.
#pragma once

#include "bindings/sampler_base.hpp"
#include "ring/uniform_sampler.hpp"

namespace framering::bindings {

class Sampler final : public SamplerBase {
 public:
  Sampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format, std::uint64_t capacity,
          const ring::Returns& returns, std::uint64_t seed);

  // A `seed` in [0, 1) takes the place of the sampler's own generator.
  pybind11::tuple sample(pybind11::ssize_t batch_size, std::optional<double> seed,
                         const BoundWindow* window, const BatchOptions& options);

  // Draws so far that were made again because a writer had overtaken them.
  [[nodiscard]] std::uint64_t overtaken();

 private:
  ring::WindowFinder& windows() override { return sampler_.windows(); }
  [[nodiscard]] const ring::Returns& returns() const override { return sampler_.returns(); }

  ring::UniformSampler sampler_;
};

}  // namespace framering::bindings
