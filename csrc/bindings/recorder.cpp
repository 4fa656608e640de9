#include "bindings/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>
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
  const auto* values =
      static_cast<const Number*>(elements(rewards, py::dtype::of<Number>(), steps.size()));
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

// The truth of info["TimeLimit.truncated"], false where it is missing. The dict is kept alive by
// the caller, its value here: __bool__ may take it out of the dict.
bool read_timeout(PyObject* info, const py::str& key) {
  PyObject* found = PyDict_GetItemWithError(info, key.ptr());
  if (found == nullptr) {
    if (PyErr_Occurred() != nullptr) {
      throw py::error_already_set();
    }
    return false;
  }
  const auto timeout = py::reinterpret_borrow<py::object>(found);
  const int truth = PyObject_IsTrue(timeout.ptr());
  if (truth < 0) {
    throw py::error_already_set();
  }
  return truth != 0;
}

// Which steps ended at a time limit, as infos say; false where they are in no form known here.
bool read_timeouts(const py::object& infos, const py::dtype& bool_dtype, const py::str& key,
                   std::vector<Step>& steps) {
  if (infos.is_none()) {
    return true;
  }
  if (const auto* flags = static_cast<const bool*>(elements(infos, bool_dtype, steps.size()))) {
    for (std::size_t lane = 0; lane < steps.size(); ++lane) {
      steps[lane].truncated = flags[lane];
    }
    return true;
  }
  if (!py::isinstance<py::list>(infos) && !py::isinstance<py::tuple>(infos)) {
    return false;
  }
  // A tuple of its own, which no __bool__ can change.
  const auto dicts = py::reinterpret_steal<py::tuple>(PySequence_Tuple(infos.ptr()));
  if (!dicts) {
    throw py::error_already_set();
  }
  if (dicts.size() != steps.size()) {
    throw py::value_error("infos: expected " + std::to_string(steps.size()) + " dicts, one for " +
                          "each environment, got " + std::to_string(dicts.size()));
  }
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    PyObject* info = PyTuple_GET_ITEM(dicts.ptr(), static_cast<py::ssize_t>(lane));
    if (!PyDict_Check(info)) {
      return false;
    }
    steps[lane].truncated = read_timeout(info, key);
  }
  return true;
}

// Adding divides by the size of an element.
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
      obs_dtype_(std::move(obs_dtype)),
      obs_shape_{static_cast<py::ssize_t>(ring_->geometry().lanes)},
      action_dtype_(std::move(action_dtype)) {
  obs_shape_.insert(obs_shape_.end(), obs_shape.begin(), obs_shape.end());
  require_bytes("obs", obs_dtype_, ring_->geometry().stack * ring_->geometry().frame_bytes);
  require_bytes("action", action_dtype_, ring_->geometry().action_bytes);
  if (actions) {
    actions_.emplace(action_dtype_, *actions);
    if (static_cast<std::uint64_t>(action_dtype_.itemsize()) != ring_->geometry().action_bytes) {
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

bool Recorder::add(const py::object& obs, const py::object& next_obs, const py::object& action,
                   const py::object& reward, const py::object& done, const py::object& infos) {
  const auto& geometry = ring_->geometry();
  std::vector<Step> steps(geometry.lanes);
  if (!read_timeouts(infos, bool_dtype_, timeout_key_, steps)) {
    return false;
  }
  const std::uint64_t obs_bytes = geometry.stack * geometry.frame_bytes;
  const auto obs_elements =
      geometry.lanes * obs_bytes / static_cast<std::uint64_t>(obs_dtype_.itemsize());
  const auto action_elements =
      geometry.lanes * geometry.action_bytes / static_cast<std::uint64_t>(action_dtype_.itemsize());
  const auto* from = static_cast<const std::uint8_t*>(elements(obs, obs_dtype_, obs_elements));
  const auto* to = static_cast<const std::uint8_t*>(elements(next_obs, obs_dtype_, obs_elements));
  const auto* taken =
      static_cast<const std::uint8_t*>(elements(action, action_dtype_, action_elements));
  const auto* ended = static_cast<const bool*>(elements(done, bool_dtype_, geometry.lanes));
  if (from == nullptr || to == nullptr || taken == nullptr || ended == nullptr ||
      !has_shape(obs, obs_shape_) || !has_shape(next_obs, obs_shape_) ||
      !(read_rewards<double>(reward, steps) || read_rewards<float>(reward, steps))) {
    return false;
  }
  if (actions_) {
    actions_->require(taken, geometry.lanes);
  }
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    steps[lane].action = taken + lane * geometry.action_bytes;
    steps[lane].terminated = ended[lane] && !steps[lane].truncated;
  }

  const py::gil_scoped_release nogil;
  const std::lock_guard lock(mutex_);
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    writers_[lane].add(from + lane * obs_bytes, to + lane * obs_bytes, steps[lane]);
  }
  return true;
}

}  // namespace framering::bindings
