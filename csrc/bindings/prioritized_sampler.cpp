#include "bindings/prioritized_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

using ring::SlotIndex;
using ring::Transition;
using ring::Window;

PrioritizedSampler::PrioritizedSampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format,
                                       std::uint64_t capacity,
                                       const ring::NStepParams& n_step_params, std::uint64_t seed,
                                       double alpha)
    : SamplerBase(ring, std::move(format), seed), sampler_(ring, capacity, n_step_params, alpha) {}

py::object PrioritizedSampler::sample(py::ssize_t batch_size, std::optional<double> seed,
                                      const BoundWindow* window, const BatchOptions& options,
                                      double beta) {
  const Window* frozen = checked(batch_size, window);
  ring::Generator seeded(static_cast<std::uint64_t>(seed.value_or(0) * 0x1p53));
  ring::Generator& generator = seed ? seeded : generator_;
  std::vector<ring::PrioritizedRow> drawn(static_cast<std::size_t>(batch_size));
  std::vector<Transition> rows;
  rows.reserve(drawn.size());
  double total = 0;
  locked([&] {
    sampler_.draw(drawn, frozen, generator);
    total = sampler_.total();
    for (const auto& row : drawn) {
      rows.push_back(row.transition);
    }
  });
  Batch batch = gather(rows, options, [&](std::size_t index) {
    const std::lock_guard lock(mutex_);
    drawn[index] = sampler_.draw_again(frozen, generator);
    return drawn[index].transition;
  });
  const auto weights = ring::importance_weights(drawn, beta);
  least_probability_ =
      std::ranges::min_element(drawn, {}, &ring::PrioritizedRow::probability)->probability / total;
  py::array_t<float> column({batch_size, py::ssize_t{1}});
  std::ranges::copy(weights, column.mutable_data());
  py::array_t<std::int64_t> indices(batch_size);
  std::ranges::transform(rows, indices.mutable_data(), [&](const Transition& row) {
    return static_cast<std::int64_t>(row.slot_index.slot * ring_->geometry().lanes +
                                     row.slot_index.lane);
  });
  batch.weights = std::move(column);
  batch.indices = std::move(indices);
  return to_python(std::move(batch));
}

void PrioritizedSampler::update(const py::array& indices, const py::array& priorities,
                                double epsilon) {
  const auto number = static_cast<std::uint64_t>(indices.size());
  const std::string expected = "of " + std::to_string(number) + " elements, as many as indices";
  require_array(indices, py::dtype::of<std::int64_t>(), number, "indices", "int64 (B,)");
  std::vector<double> values(number);
  if (priorities.dtype().equal(py::dtype::of<float>())) {
    require_array(priorities, py::dtype::of<float>(), number, "priorities", expected);
    std::copy_n(static_cast<const float*>(priorities.data()), number, values.begin());
  } else {
    require_array(priorities, py::dtype::of<double>(), number, "priorities", expected);
    std::copy_n(static_cast<const double*>(priorities.data()), number, values.begin());
  }
  for (double& value : values) {
    // Stored as float32: a number that rounds to infinity there is refused, too.
    if (!(value >= 0 && std::isfinite(static_cast<float>(value + epsilon)))) {
      throw py::value_error("priorities: expected finite float32 numbers of at least 0, got " +
                            std::to_string(value));
    }
    value += epsilon;
  }
  const auto lanes = static_cast<std::int64_t>(ring_->geometry().lanes);
  const auto* index = static_cast<const std::int64_t*>(indices.data());
  std::vector<SlotIndex> slot_indices;
  slot_indices.reserve(number);
  for (std::uint64_t i = 0; i < number; ++i) {
    if (index[i] < 0) {
      throw py::index_error("indices: " + std::to_string(index[i]) + " was never sampled from");
    }
    slot_indices.push_back({.lane = static_cast<std::uint64_t>(index[i] % lanes),
                            .slot = static_cast<std::uint64_t>(index[i] / lanes)});
  }
  locked([&] { sampler_.update(slot_indices, values); });
}

std::pair<py::array_t<float>, float> PrioritizedSampler::priorities() {
  std::vector<float> found;
  float highest = 0;
  locked([&] {
    Window window;
    sampler_.windows().find(0, window);
    found = sampler_.priorities(window);
    highest = sampler_.highest();
  });
  return {py::array_t<float>(static_cast<py::ssize_t>(found.size()), found.data()), highest};
}

void PrioritizedSampler::restore(const py::array& priorities, float highest) {
  require_array(priorities, py::dtype::of<float>(), static_cast<std::uint64_t>(priorities.size()),
                "priorities", "float32 (slots,)");
  const std::span values(static_cast<const float*>(priorities.data()),
                         static_cast<std::size_t>(priorities.size()));
  locked([&] {
    Window window;
    sampler_.windows().find(0, window);
    sampler_.restore(window, values, highest);
  });
}

double PrioritizedSampler::alpha() {
  return locked([&] { return sampler_.alpha(); });
}

void PrioritizedSampler::set_alpha(double alpha) {
  locked([&] { sampler_.set_alpha(alpha); });
}

}  // namespace framering::bindings
