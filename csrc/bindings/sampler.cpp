#include "bindings/sampler.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "bindings/arrays.hpp"
#include "ring/batch.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using ring::BatchOutput;
using ring::Transition;
using ring::Window;

using Shape = std::vector<py::ssize_t>;

// (rows, *obs_shape), with `extra` more in the stack's axis.
py::array observations(const BatchFormat& format, py::ssize_t rows, py::ssize_t extra) {
  Shape shape{rows};
  shape.insert(shape.end(), format.obs_shape.begin(), format.obs_shape.end());
  if (extra > 0) {
    shape[1] += extra;
  }
  return {format.obs_dtype, shape};
}

// A view of `number` entries of the second axis, from `first` on.
py::array slice(const py::array& blocks, py::ssize_t first, py::ssize_t number) {
  Shape shape(blocks.shape(), blocks.shape() + blocks.ndim());
  const Shape strides(blocks.strides(), blocks.strides() + blocks.ndim());
  shape[1] = number;
  const auto* data = static_cast<const std::uint8_t*>(blocks.data()) + first * strides[1];
  return {blocks.dtype(), shape, strides, data, blocks};
}

template <class Value>
py::array_t<float> column(const std::vector<Transition>& rows, Value value) {
  py::array_t<float> out({static_cast<py::ssize_t>(rows.size()), py::ssize_t{1}});
  std::transform(rows.begin(), rows.end(), out.mutable_data(), value);
  return out;
}

py::array_t<std::int64_t> places_of(const std::vector<Transition>& rows) {
  py::array_t<std::int64_t> out({static_cast<py::ssize_t>(rows.size()), py::ssize_t{2}});
  std::int64_t* values = out.mutable_data();
  for (const Transition& row : rows) {
    *values++ = static_cast<std::int64_t>(row.place.lane);
    *values++ = static_cast<std::int64_t>(row.place.slot);
  }
  return out;
}

}  // namespace

Sampler::Sampler(std::shared_ptr<ring::Ring> ring, BatchFormat format, std::uint64_t capacity,
                 const ring::Returns& returns, std::uint64_t seed)
    : ring_(std::move(ring)),
      format_(std::move(format)),
      sampler_(ring_, capacity, returns),
      generator_(seed) {}

py::tuple Sampler::sample(py::ssize_t batch_size, std::optional<double> seed,
                          const BoundWindow* window, bool contiguous) {
  if (batch_size < 1) {
    throw py::value_error("batch_size: expected at least 1, got " + std::to_string(batch_size));
  }
  if (window != nullptr && window->ring != ring_) {
    throw py::value_error("window: expected one of this buffer's own, got another buffer's");
  }
  const Window* frozen = window == nullptr ? nullptr : &window->window;
  ring::Generator seeded(static_cast<std::uint64_t>(seed.value_or(0) * 0x1p53));
  ring::Generator& generator = seed ? seeded : generator_;
  std::vector<Transition> rows(static_cast<std::size_t>(batch_size));
  {
    const py::gil_scoped_release nogil;
    const std::lock_guard lock(mutex_);
    sampler_.draw(rows, frozen, generator);
  }
  return gather(rows, contiguous, [&](std::size_t) {
    const std::lock_guard lock(mutex_);
    return sampler_.draw_again(frozen, generator);
  });
}

py::tuple Sampler::fetch(const py::array& places, bool contiguous) {
  if (places.ndim() != 2 || places.shape(1) != 2) {
    throw py::value_error("places: expected int64 (B, 2), got " + describe(places));
  }
  require_array(places, py::dtype::of<std::int64_t>(), static_cast<std::uint64_t>(places.size()),
                "places", "int64 (B, 2)");
  const auto* values = static_cast<const std::int64_t*>(places.data());
  std::vector<Transition> rows(static_cast<std::size_t>(places.shape(0)));
  for (Transition& row : rows) {
    const ring::Place place{static_cast<std::uint64_t>(values[0]),
                            static_cast<std::uint64_t>(values[1])};
    values += 2;
    const ring::Lane lane = ring_->lane(place.lane);
    row = read_transition(lane, place, transition_record(lane, place), lane.published(),
                          sampler_.returns());
  }
  return gather(rows, contiguous, [&](std::size_t row) -> Transition {
    throw std::out_of_range("places: row " + std::to_string(row) + " has been overwritten");
  });
}

py::tuple Sampler::gather(std::vector<Transition>& rows, bool contiguous,
                          const DrawAgain& draw_again) {
  const auto& geometry = ring_->geometry();
  const auto number = static_cast<py::ssize_t>(rows.size());
  const auto action_elements =
      static_cast<py::ssize_t>(geometry.action_bytes) / format_.action_dtype.itemsize();
  py::array actions(format_.action_dtype, Shape{number, action_elements});
  // With one frame a stack, a block holds as many frames as two stacks: nothing to share.
  bool shared =
      !contiguous && geometry.stack > 1 &&
      std::all_of(rows.begin(), rows.end(), [](const Transition& row) { return row.shifted; });
  py::array obs;
  py::array next_obs;
  for (bool done = false; !done; shared = shared && done) {
    BatchOutput output;
    output.actions = static_cast<std::uint8_t*>(actions.mutable_data());
    if (shared) {
      const py::ssize_t entries = format_.obs_shape[0];
      const py::ssize_t frame = entries / static_cast<py::ssize_t>(geometry.stack);
      py::array blocks = observations(format_, number, frame);
      output.obs = static_cast<std::uint8_t*>(blocks.mutable_data());
      obs = slice(blocks, 0, entries);
      next_obs = slice(blocks, frame, entries);
    } else {
      obs = observations(format_, number, 0);
      next_obs = observations(format_, number, 0);
      output.obs = static_cast<std::uint8_t*>(obs.mutable_data());
      output.next_obs = static_cast<std::uint8_t*>(next_obs.mutable_data());
    }
    const py::gil_scoped_release nogil;
    done = gather_batch(*ring_, rows, output, draw_again);
  }
  return py::make_tuple(
      std::move(obs), std::move(actions), std::move(next_obs),
      column(rows, [](const Transition& row) { return row.terminated ? 1.0F : 0.0F; }),
      column(rows, [](const Transition& row) { return row.reward; }),
      column(rows, [](const Transition& row) { return row.discount; }), places_of(rows));
}

BoundWindow Sampler::window(std::uint64_t guard) {
  BoundWindow found{ring_, {}};
  const std::lock_guard lock(mutex_);
  sampler_.windows().find(guard, found.window);
  return found;
}

std::uint64_t Sampler::least_transitions_seen() {
  const std::lock_guard lock(mutex_);
  const auto seen = sampler_.windows().transitions_seen();
  return *std::min_element(seen.begin(), seen.end());
}

void Sampler::forget() {
  const std::lock_guard lock(mutex_);
  sampler_.windows().forget();
}

ring::Generator::State Sampler::generator_state() {
  const std::lock_guard lock(mutex_);
  return generator_.state();
}

void Sampler::set_generator_state(const ring::Generator::State& state) {
  if (state == ring::Generator::State{}) {
    throw py::value_error("generator state: expected four numbers that are not all 0");
  }
  const std::lock_guard lock(mutex_);
  generator_.set_state(state);
}

}  // namespace framering::bindings
