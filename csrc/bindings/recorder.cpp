#include "bindings/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

namespace py = pybind11;

namespace framering::bindings {

namespace {

using ring::Step;

bool has_dtype(const py::object& object, const py::dtype& dtype) {
  if (!py::isinstance<py::array>(object)) {
    return false;
  }
  // NumPy has one descriptor for each native dtype, so that mostly the pointers tell.
  const auto* array = py::detail::array_proxy(object.ptr());
  return array->descr == dtype.ptr() ||
         py::reinterpret_borrow<py::dtype>(array->descr).equal(dtype);
}

// The bytes of a C-contiguous array of this dtype and number of elements, else null.
const void* elements(const py::object& object, const py::dtype& dtype, std::uint64_t number) {
  if (!has_dtype(object, dtype)) {
    return nullptr;
  }
  const auto array = py::reinterpret_borrow<py::array>(object);
  const bool fits = static_cast<std::uint64_t>(array.size()) == number &&
                    (array.flags() & py::array::c_style) != 0;
  return fits ? array.data() : nullptr;
}

bool has_shape(const py::object& object, const std::vector<py::ssize_t>& shape) {
  const auto array = py::reinterpret_borrow<py::array>(object);
  return static_cast<std::size_t>(array.ndim()) == shape.size() &&
         std::equal(shape.begin(), shape.end(), array.shape());
}

template <class Number>
bool read_rewards(const py::object& rewards, std::vector<Step>& steps) {
  static const py::dtype dtype = py::dtype::of<Number>();
  const auto* values = static_cast<const Number*>(elements(rewards, dtype, steps.size()));
  if (values == nullptr) {
    return false;
  }
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    steps[lane].reward = static_cast<float>(values[lane]);
    if (!std::isfinite(steps[lane].reward)) {
      throw py::value_error("reward: expected finite float32 values, got " +
                            std::to_string(values[lane]) + " for environment " +
                            std::to_string(lane));
    }
  }
  return true;
}

const bool* read_bools(const py::object& object, std::size_t number) {
  static const py::dtype dtype = py::dtype::of<bool>();
  return static_cast<const bool*>(elements(object, dtype, number));
}

// What infos say of a step that ended at a time limit; false where they are in no form known here.
bool read_timeouts(const py::object& infos, std::vector<Step>& steps) {
  if (infos.is_none()) {
    return true;
  }
  if (const bool* timeouts = read_bools(infos, steps.size())) {
    for (std::size_t lane = 0; lane < steps.size(); ++lane) {
      steps[lane].truncated = timeouts[lane];
    }
    return true;
  }
  if (!py::isinstance<py::list>(infos) && !py::isinstance<py::tuple>(infos)) {
    return false;
  }
  if (py::len(infos) != steps.size()) {
    throw py::value_error("infos: expected " + std::to_string(steps.size()) + " dicts, one for " +
                          "each environment, got " + std::to_string(py::len(infos)));
  }
  static const PyObject* const key = PyUnicode_InternFromString("TimeLimit.truncated");
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    PyObject* info = PySequence_Fast_GET_ITEM(infos.ptr(), static_cast<py::ssize_t>(lane));
    if (!PyDict_Check(info)) {
      return false;
    }
    PyObject* timeout = PyDict_GetItemWithError(info, const_cast<PyObject*>(key));
    const int truth = timeout == nullptr ? 0 : PyObject_IsTrue(timeout);
    if (truth < 0 || PyErr_Occurred() != nullptr) {
      throw py::error_already_set();
    }
    steps[lane].truncated = truth != 0;
  }
  return true;
}

}  // namespace

Recorder::Recorder(std::shared_ptr<ring::Ring> ring, py::dtype obs_dtype,
                   const std::vector<py::ssize_t>& obs_shape, py::dtype action_dtype,
                   std::optional<std::pair<std::int64_t, std::int64_t>> actions)
    : ring_(std::move(ring)),
      obs_dtype_(std::move(obs_dtype)),
      obs_shape_{static_cast<py::ssize_t>(ring_->geometry().lanes)},
      action_dtype_(std::move(action_dtype)),
      actions_(actions) {
  obs_shape_.insert(obs_shape_.end(), obs_shape.begin(), obs_shape.end());
  for (std::uint64_t lane = 0; lane < ring_->geometry().lanes; ++lane) {
    writers_.emplace_back(ring_, lane);
    if (ring_->lane(lane).published() > 0) {
      // A loaded snapshot's newest segment goes on if the next obs continues it.
      writers_.back().resume_segment();
    }
  }
}

bool Recorder::add(const py::object& obs, const py::object& next_obs, const py::object& action,
                   const py::object& reward, const py::object& done, const py::object& infos) {
  const auto& geometry = ring_->geometry();
  const std::uint64_t obs_bytes = geometry.stack * geometry.frame_bytes;
  const auto obs_elements =
      geometry.lanes * obs_bytes / static_cast<std::uint64_t>(obs_dtype_.itemsize());
  const auto action_elements =
      geometry.lanes * geometry.action_bytes / static_cast<std::uint64_t>(action_dtype_.itemsize());
  const auto* from = static_cast<const std::uint8_t*>(elements(obs, obs_dtype_, obs_elements));
  const auto* to = static_cast<const std::uint8_t*>(elements(next_obs, obs_dtype_, obs_elements));
  const auto* taken =
      static_cast<const std::uint8_t*>(elements(action, action_dtype_, action_elements));
  const bool* done_flags = read_bools(done, geometry.lanes);
  if (from == nullptr || to == nullptr || taken == nullptr || done_flags == nullptr ||
      !has_shape(obs, obs_shape_) || !has_shape(next_obs, obs_shape_)) {
    return false;
  }
  std::vector<Step> steps(geometry.lanes);
  if (!read_timeouts(infos, steps) ||
      !(read_rewards<double>(reward, steps) || read_rewards<float>(reward, steps))) {
    return false;
  }
  check_actions(taken);
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    steps[lane].action = taken + lane * geometry.action_bytes;
    steps[lane].terminated = done_flags[lane] && !steps[lane].truncated;
  }

  const py::gil_scoped_release nogil;
  const std::lock_guard lock(mutex_);
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    writers_[lane].add(from + lane * obs_bytes, to + lane * obs_bytes, steps[lane]);
  }
  return true;
}

void Recorder::check_actions(const std::uint8_t* actions) const {
  if (!actions_) {
    return;
  }
  for (std::uint64_t lane = 0; lane < writers_.size(); ++lane) {
    std::int64_t action = 0;
    std::memcpy(&action, actions + lane * sizeof(action), sizeof(action));
    if (action < actions_->first || action >= actions_->first + actions_->second) {
      throw py::value_error("action: expected " + std::to_string(actions_->first) + " to " +
                            std::to_string(actions_->first + actions_->second - 1) + ", got " +
                            std::to_string(action) + " for environment " + std::to_string(lane));
    }
  }
}

}  // namespace framering::bindings
