#include "bindings/recorder.hpp"

#include <array>
#include <cmath>
#include <cstddef>
#include <memory_resource>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "bindings/arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using ring::Step;

// Rewards are stored as float32. Numbers of other dtypes are rounded to float64 first: rewards that
// the reader refuses are converted by NumPy, which does the same.
bool read_rewards(const NumberReader& numbers, const py::object& rewards, std::span<Step> steps) {
  return numbers.read(rewards, steps.size(), [&](std::size_t lane, auto value) {
    const auto reward = static_cast<double>(value);
    steps[lane].reward = static_cast<float>(reward);
    if (!std::isfinite(steps[lane].reward)) {
      throw py::value_error("reward: expected finite float32 values, got " +
                            std::to_string(reward) + " for environment " + std::to_string(lane));
    }
    return true;
  });
}

// A step that was truncated is not terminated.
bool read_dones(const NumberReader& numbers, const py::object& dones, std::span<Step> steps) {
  return numbers.read_flags(dones, steps.size(), [&](std::size_t lane, bool done) {
    steps[lane].terminated = done && !steps[lane].truncated;
  });
}

void require_bytes(const char* name, const py::dtype& dtype, std::uint64_t bytes) {
  const auto itemsize = static_cast<std::uint64_t>(dtype.itemsize());
  if (itemsize == 0 || bytes % itemsize != 0) {
    throw py::value_error(std::string(name) + "_dtype: expected one that divides " +
                          std::to_string(bytes) + " bytes, got " + std::string(py::str(dtype)));
  }
}

}  // namespace

Recorder::Recorder(std::shared_ptr<ring::Ring> ring, py::dtype obs_dtype,
                   const std::vector<py::ssize_t>& obs_shape, py::dtype action_dtype,
                   const std::optional<py::array>& actions)
    : ring_(std::move(ring)),
      obs_bytes_(ring_->geometry().stack * ring_->geometry().frame_bytes),
      action_bytes_(ring_->geometry().action_bytes),
      obs_dtype_(std::move(obs_dtype)),
      obs_shape_{static_cast<py::ssize_t>(ring_->geometry().lanes)},
      action_dtype_(std::move(action_dtype)),
      action_cast_(action_dtype_) {
  obs_shape_.insert(obs_shape_.end(), obs_shape.begin(), obs_shape.end());
  require_bytes("obs", obs_dtype_, obs_bytes_);
  require_bytes("action", action_dtype_, action_bytes_);
  const auto action_itemsize = static_cast<std::uint64_t>(action_dtype_.itemsize());
  action_elements_ = ring_->geometry().lanes * action_bytes_ / action_itemsize;
  if (actions) {
    actions_.emplace(action_dtype_, *actions);
    if (action_itemsize != action_bytes_) {
      throw py::value_error("actions: expected a ring with one number an action");
    }
  }
  for (std::uint64_t lane = 0; lane < ring_->geometry().lanes; ++lane) {
    writers_.emplace_back(ring_, lane);
    if (ring_->lane(lane).published() > 0) {
      // A loaded snapshot's newest segment goes on if the next obs continues it.
      writers_.back().resume_segment();
    }
  }
}

const std::uint8_t* Recorder::read_obs(const py::object& obs) const {
  if (!has_dtype(obs, obs_dtype_)) {
    return nullptr;
  }
  const auto array = py::reinterpret_borrow<py::array>(obs);
  const bool fits = has_shape(array, obs_shape_) && is_contiguous(array);
  return fits ? static_cast<const std::uint8_t*>(array.data()) : nullptr;
}

const std::uint8_t* Recorder::read_actions(const py::object& action,
                                           std::pmr::vector<std::uint8_t>& cast) const {
  if (has_dtype(action, action_dtype_)) {
    const auto array = py::reinterpret_borrow<py::array>(action);
    const bool fits =
        static_cast<std::uint64_t>(array.size()) == action_elements_ && is_contiguous(array);
    return fits ? static_cast<const std::uint8_t*>(array.data()) : nullptr;
  }
  cast.resize(writers_.size() * action_bytes_);
  return action_cast_(numbers_, action, action_elements_, cast.data()) ? cast.data() : nullptr;
}

bool Recorder::add(const py::object& obs, const py::object& next_obs, const py::object& action,
                   const py::object& reward, const py::object& done, const py::object& infos) {
  // On the stack for a few lanes: malloc would take as long as all the checks.
  std::array<std::byte, 1024> few;  // NOLINT(cppcoreguidelines-pro-type-member-init): not read
  std::pmr::monotonic_buffer_resource memory(few.data(), few.size());
  std::pmr::vector<Step> steps(writers_.size(), &memory);
  if (!truncations_.read(infos, steps)) {
    return false;
  }
  std::pmr::vector<std::uint8_t> cast(&memory);
  const auto* from = read_obs(obs);
  const auto* to = read_obs(next_obs);
  const auto* taken = read_actions(action, cast);
  if (from == nullptr || to == nullptr || taken == nullptr || !read_dones(numbers_, done, steps) ||
      !read_rewards(numbers_, reward, steps)) {
    return false;
  }
  if (actions_) {
    actions_->require(taken, steps.size());
  }

  const py::gil_scoped_release nogil;
  const std::lock_guard lock(mutex_);
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    steps[lane].action = taken + lane * action_bytes_;
    writers_[lane].add(from + lane * obs_bytes_, to + lane * obs_bytes_, steps[lane]);
  }
  return true;
}

}  // namespace framering::bindings
