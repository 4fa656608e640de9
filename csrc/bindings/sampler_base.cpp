#include "bindings/sampler_base.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "bindings/arrays.hpp"
#include "ring/batch.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using ring::BatchOutput;
using ring::SlotIndex;
using ring::Transition;
using ring::Window;

template <class Value>
void fill(py::array& column, const std::vector<Transition>& rows, Value value) {
  std::transform(rows.begin(), rows.end(), static_cast<float*>(column.mutable_data()), value);
}

std::vector<SlotIndex> read_slot_indices(const py::array& slot_indices,
                                         const std::string& name = "slot_indices") {
  if (slot_indices.ndim() != 2 || (slot_indices.shape(1) != 2 && slot_indices.shape(1) != 3)) {
    throw py::value_error(name + ": expected int64 (B, 2) or (B, 3), got " +
                          describe(slot_indices));
  }
  require_array(slot_indices, py::dtype::of<std::int64_t>(),
                static_cast<std::uint64_t>(slot_indices.size()), name, "int64 (B, 2) or (B, 3)");
  const auto* values = static_cast<const std::int64_t*>(slot_indices.data());
  std::vector<SlotIndex> found;
  for (py::ssize_t row = 0; row < slot_indices.shape(0); ++row, values += slot_indices.shape(1)) {
    // As an unsigned number, a negative one is beyond every ring.
    found.push_back({.lane = static_cast<std::uint64_t>(values[0]),
                     .slot = static_cast<std::uint64_t>(values[1])});
  }
  return found;
}

void require_whole(const ring::Lane& lane, const SlotIndex& slot_index) {
  if (!lane.validate(slot_index.slot)) {
    throw std::out_of_range("slot_indices: slot " + std::to_string(slot_index.slot) + " of lane " +
                            std::to_string(slot_index.lane) + " has been overwritten");
  }
}

py::array_t<std::int64_t> slot_index_rows(const std::vector<Transition>& rows) {
  py::array_t<std::int64_t> out({static_cast<py::ssize_t>(rows.size()), py::ssize_t{3}});
  std::int64_t* values = out.mutable_data();
  for (const Transition& row : rows) {
    *values++ = static_cast<std::int64_t>(row.slot_index.lane);
    *values++ = static_cast<std::int64_t>(row.slot_index.slot);
    *values++ = static_cast<std::int64_t>(row.steps);
  }
  return out;
}

}  // namespace

SamplerBase::SamplerBase(std::shared_ptr<ring::Ring> ring, BatchFormat format, std::uint64_t seed)
    : ring_(std::move(ring)), format_(std::move(format)), generator_(seed) {}

const Window* SamplerBase::checked(py::ssize_t batch_size, const BoundWindow* window) const {
  if (batch_size < 1) {
    throw py::value_error("batch_size: expected at least 1, got " + std::to_string(batch_size));
  }
  if (window == nullptr) {
    return nullptr;
  }
  if (window->ring != ring_) {
    throw py::value_error("window: expected one of this buffer's own, got another buffer's");
  }
  return &window->window;
}

py::object SamplerBase::fetch(const py::array& slot_indices, const BatchOptions& options) {
  const auto wanted = read_slot_indices(slot_indices);
  if (wanted.empty()) {
    throw py::value_error("slot_indices: expected at least one, got none");
  }
  std::vector<Transition> rows;
  for (const SlotIndex& slot_index : wanted) {
    const ring::Lane lane = ring_->lane(slot_index.lane);
    rows.push_back(read_transition(lane, slot_index, transition_record(lane, slot_index),
                                   lane.published(), n_step_params()));
  }
  return to_python(gather(rows, options, [](std::size_t row) -> Transition {
    throw std::out_of_range("slot_indices: row " + std::to_string(row) + " has been overwritten");
  }));
}

py::array_t<double> SamplerBase::step_rewards(const py::array& slot_indices) {
  const auto wanted = read_slot_indices(slot_indices);
  if (slot_indices.shape(1) != 3) {
    throw py::value_error("slot_indices: expected int64 (B, 3), got " + describe(slot_indices));
  }
  const auto* steps = static_cast<const std::int64_t*>(slot_indices.data()) + 2;
  const auto columns = static_cast<py::ssize_t>(n_step_params().n_step);
  py::array_t<double> out({static_cast<py::ssize_t>(wanted.size()), columns});
  double* row = out.mutable_data();
  std::fill_n(row, out.size(), std::numeric_limits<double>::quiet_NaN());
  for (const SlotIndex& slot_index : wanted) {
    const ring::Lane lane = ring_->lane(slot_index.lane);
    transition_record(lane, slot_index);
    const auto taken = std::clamp<std::int64_t>(*steps, 1, columns);
    const auto rewards =
        read_rewards(lane, slot_index.slot, static_cast<std::uint64_t>(taken), lane.published());
    require_whole(lane, slot_index);
    std::ranges::copy(rewards, row);
    row += columns;
    steps += 3;
  }
  return out;
}

std::vector<std::optional<SlotIndex>> SamplerBase::find_transitions(
    const std::vector<SlotIndex>& numbers) {
  return locked([&] {
    Window window;
    windows().find(0, window);
    std::vector<ring::LaneWindow> rest = window.lanes;  // from the last one found on
    std::vector<std::optional<SlotIndex>> found(numbers.size());
    for (std::size_t row = 0; row < numbers.size(); ++row) {
      const auto [index, number] = numbers[row];
      const ring::Lane lane = ring_->lane(index);
      // That of a negative number is before or, wrapped around, beyond the window.
      const std::uint64_t ordinal = windows().forgotten_ordinals()[index] + number + 1;
      auto slot = find_transition(lane, rest[index], ordinal);
      if (!slot) {
        slot = find_transition(lane, window.lanes[index], ordinal);
      }
      if (slot) {
        found[row] = {.lane = index, .slot = *slot};
        rest[index].low = *slot;
      }
    }
    return found;
  });
}

py::dict SamplerBase::steps(const py::array& numbers) {
  const auto wanted = read_slot_indices(numbers, "numbers");
  const auto rows = static_cast<py::ssize_t>(wanted.size());
  const auto action_bytes = static_cast<py::ssize_t>(ring_->geometry().action_bytes);
  py::array_t<std::int64_t> slots(rows);
  py::array actions(format_.action_dtype,
                    Shape{rows, action_bytes / format_.action_dtype.itemsize()});
  py::array_t<float> rewards(rows);
  py::array_t<bool> terminated(rows);
  py::array_t<bool> truncated(rows);
  auto* action = static_cast<std::uint8_t*>(actions.mutable_data());
  std::fill_n(action, actions.nbytes(), std::uint8_t{0});
  py::ssize_t row = 0;
  for (const auto& slot_index : find_transitions(wanted)) {
    ring::Record record;
    if (slot_index) {
      const ring::Lane lane = ring_->lane(slot_index->lane);
      record = transition_record(lane, *slot_index);
      lane.load_action(slot_index->slot, action);
      require_whole(lane, *slot_index);
    }
    slots.mutable_at(row) = slot_index ? static_cast<std::int64_t>(slot_index->slot) : -1;
    rewards.mutable_at(row) = record.reward;
    terminated.mutable_at(row) = record.terminated;
    truncated.mutable_at(row) = record.truncated;
    action += action_bytes;
    ++row;
  }
  py::dict columns;
  columns["slots"] = slots;
  columns["actions"] = actions;
  columns["rewards"] = rewards;
  columns["terminated"] = terminated;
  columns["truncated"] = truncated;
  return columns;
}

Batch SamplerBase::gather(std::vector<Transition>& rows, const BatchOptions& options,
                          const DrawAgain& draw_again) {
  const auto& geometry = ring_->geometry();
  const auto number = static_cast<py::ssize_t>(rows.size());
  const bool one_step = n_step_params().n_step == 1;
  const Shape actions_shape{
      number, static_cast<py::ssize_t>(geometry.action_bytes) / format_.action_dtype.itemsize()};
  const Shape column_shape{number, 1};
  Shape obs_shape{number};
  obs_shape.insert(obs_shape.end(), format_.obs_shape.begin(), format_.obs_shape.end());
  const auto column_dtype = py::dtype::of<float>();
  const auto make = [&](std::size_t index, const char* name, const py::dtype& dtype,
                        const Shape& shape) {
    return options.out ? given_array((*options.out)[index], name, dtype, shape)
                       : new_array(blocks_, dtype, shape);
  };
  if (options.out && options.out->size() != 6) {
    throw py::value_error("out: expected six arrays, got " + std::to_string(options.out->size()));
  }
  py::array actions = make(1, "actions", format_.action_dtype, actions_shape);
  py::array dones = make(3, "dones", column_dtype, column_shape);
  py::array rewards = make(4, "rewards", column_dtype, column_shape);
  std::optional<py::array> discounts;
  if (!one_step) {
    discounts = make(5, "discounts", column_dtype, column_shape);
  }

  // Stacks of one frame share none: a block would hold as many frames as two stacks.
  bool shared = !options.contiguous && !options.out && geometry.stack > 1 &&
                std::ranges::all_of(rows, &Transition::shifted);
  py::array obs;
  py::array next_obs;
  for (bool done = false; !done; shared = shared && done) {
    BatchOutput output;
    output.actions = static_cast<std::uint8_t*>(actions.mutable_data());
    if (shared) {
      const py::ssize_t entries = format_.obs_shape[0];
      const py::ssize_t frame = entries / static_cast<py::ssize_t>(geometry.stack);
      Shape blocks_shape = obs_shape;
      blocks_shape[1] += frame;
      py::array blocks = new_array(blocks_, format_.obs_dtype, blocks_shape);
      output.obs = static_cast<std::uint8_t*>(blocks.mutable_data());
      obs = slice(blocks, 0, entries);
      next_obs = slice(blocks, frame, entries);
    } else {
      obs = make(0, "observations", format_.obs_dtype, obs_shape);
      next_obs = make(2, "next_observations", format_.obs_dtype, obs_shape);
      output.obs = static_cast<std::uint8_t*>(obs.mutable_data());
      output.next_obs = static_cast<std::uint8_t*>(next_obs.mutable_data());
    }
    const py::gil_scoped_release nogil;
    done = gather_batch(*ring_, rows, output, draw_again);
  }
  fill(dones, rows, [](const Transition& row) { return row.terminated ? 1.0F : 0.0F; });
  fill(rewards, rows, [](const Transition& row) { return row.reward; });
  Batch batch{.observations = std::move(obs),
              .actions = std::move(actions),
              .next_observations = std::move(next_obs),
              .dones = std::move(dones),
              .rewards = std::move(rewards)};
  if (!one_step) {
    fill(*discounts, rows, [](const Transition& row) { return row.discount; });
    batch.discounts = std::move(*discounts);
    batch.slot_indices = slot_index_rows(rows);
  }
  return batch;
}

BoundWindow SamplerBase::window(std::uint64_t guard) {
  BoundWindow found{.ring = ring_, .window = {}};
  locked([&] { windows().find(guard, found.window); });
  return found;
}

std::uint64_t SamplerBase::least_transitions_seen() {
  return locked([&] {
    const auto seen = windows().transitions_seen();
    return *std::ranges::min_element(seen);
  });
}

void SamplerBase::forget() {
  locked([&] { windows().forget(); });
}

ring::Generator::State SamplerBase::generator_state() {
  return locked([&] { return generator_.state(); });
}

void SamplerBase::set_generator_state(const ring::Generator::State& state) {
  if (state == ring::Generator::State{}) {
    throw py::value_error("generator state: expected four numbers that are not all 0");
  }
  locked([&] { generator_.set_state(state); });
}

}  // namespace framering::bindings
