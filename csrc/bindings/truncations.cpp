#include "bindings/truncations.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace py = pybind11;

namespace framering::bindings {

namespace {

using ring::Step;

// The value of a key, or a null object.
py::object find(const py::object& dict, const py::str& key) {
  PyObject* found = PyDict_GetItemWithError(dict.ptr(), key.ptr());
  if (found == nullptr && PyErr_Occurred() != nullptr) {
    throw py::error_already_set();
  }
  return py::reinterpret_borrow<py::object>(found);
}

bool truth(const py::object& object) {
  const int found = PyObject_IsTrue(object.ptr());
  if (found < 0) {
    throw py::error_already_set();
  }
  return found != 0;
}

}  // namespace

bool TruncationReader::read(const py::object& infos, std::span<Step> steps) const {
  if (infos.is_none()) {
    return true;
  }
  if (PyList_Check(infos.ptr()) != 0 || PyTuple_Check(infos.ptr()) != 0) {
    return read_dicts(infos, steps);
  }
  if (PyDict_CheckExact(infos.ptr()) != 0) {
    const py::object final_infos = find(infos, final_key_);
    return read_arrays(infos, steps) &&
           (!final_infos ||
            (PyDict_CheckExact(final_infos.ptr()) != 0 && read_arrays(final_infos, steps)));
  }
  if (!py::isinstance<py::array>(infos) ||
      number_kind(py::reinterpret_borrow<py::array>(infos)) != NumberKind::kBool) {
    return false;
  }
  return numbers_->read_flags(infos, steps.size(),
                              [&](std::size_t lane, bool flag) { steps[lane].truncated = flag; });
}

bool TruncationReader::read_dicts(const py::object& infos, std::span<Step> steps) const {
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    // Checked each time: a truth value may change the list.
    const auto number = static_cast<std::size_t>(PySequence_Fast_GET_SIZE(infos.ptr()));
    if (number != steps.size()) {
      throw py::value_error("infos: expected " + std::to_string(steps.size()) +
                            " dicts, one for each environment, got " + std::to_string(number));
    }
    const auto info = py::reinterpret_borrow<py::object>(
        PySequence_Fast_GET_ITEM(infos.ptr(), static_cast<Py_ssize_t>(lane)));
    if (PyDict_Check(info.ptr()) == 0) {
      return false;
    }
    const py::object flag = find(info, key_);
    steps[lane].truncated = flag && truth(flag);
  }
  return true;
}

bool TruncationReader::read_arrays(const py::object& infos, std::span<Step> steps) const {
  const py::object flags = find(infos, key_);
  if (!flags) {
    return true;
  }
  std::vector<std::uint8_t> truncated(steps.size());
  const auto set = [&](std::size_t lane, bool flag) { truncated[lane] = flag ? 1 : 0; };
  const auto clear = [&](std::size_t lane, bool valid) { truncated[lane] &= valid ? 1U : 0U; };
  // Gymnasium marks the environments whose entry is valid.
  const py::object mask = find(infos, mask_key_);
  if (!numbers_->read_flags(flags, steps.size(), set) ||
      (mask && !numbers_->read_flags(mask, steps.size(), clear))) {
    return false;
  }
  for (std::size_t lane = 0; lane < steps.size(); ++lane) {
    steps[lane].truncated = steps[lane].truncated || truncated[lane] != 0;
  }
  return true;
}

}  // namespace framering::bindings
