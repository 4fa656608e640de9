#include "bindings/sampler.hpp"

#include <mutex>
#include <utility>
#include <vector>

namespace py = pybind11;

namespace framering::bindings {

using ring::Transition;
using ring::Window;

Sampler::Sampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format,
                 std::uint64_t capacity, const ring::NStepParams& n_step_params, std::uint64_t seed)
    : SamplerBase(ring, std::move(format), seed), sampler_(ring, capacity, n_step_params) {}

py::object Sampler::sample(py::ssize_t batch_size, std::optional<double> seed,
                           const BoundWindow* window, const BatchOptions& options) {
  const Window* frozen = checked(batch_size, window);
  ring::Generator seeded(static_cast<std::uint64_t>(seed.value_or(0) * 0x1p53));
  ring::Generator& generator = seed ? seeded : generator_;
  std::vector<Transition> rows(static_cast<std::size_t>(batch_size));
  locked([&] { sampler_.draw(rows, frozen, generator); });
  return to_python(gather(rows, options, [&](std::size_t) {
    const std::lock_guard lock(mutex_);
    return sampler_.draw_again(frozen, generator);
  }));
}

std::uint64_t Sampler::overruns() {
  return locked([&] { return sampler_.overruns(); });
}

}  // namespace framering::bindings
