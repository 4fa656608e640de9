// Reads one number for each environment from an array, a list, a tuple or a single number.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>

#include "bindings/arrays.hpp"

namespace framering::bindings {

// Reads numbers from a C-contiguous array of any shape (bool, integers, float32 or float64 of this
// machine's byte order), or from a list or tuple of Python's bools, ints and floats and NumPy's
// bools. A single number can also be given without a list. Runs no Python code.
class NumberReader {
 public:
  NumberReader() {
    const auto numpy = pybind11::module_::import("numpy");
    true_ = numpy.attr("True_");
    false_ = numpy.attr("False_");
  }

  // Calls assign(index, value) for each number, in its own C++ type, until it returns false.
  // Returns whether `object` holds `number` numbers and all calls returned true.
  template <class Assign>
  [[nodiscard]] bool read(const pybind11::object& object, std::size_t number, Assign assign) const {
    if (pybind11::isinstance<pybind11::array>(object)) {
      return read_array(pybind11::reinterpret_borrow<pybind11::array>(object), number, assign);
    }
    if (PyList_CheckExact(object.ptr()) == 0 && PyTuple_CheckExact(object.ptr()) == 0) {
      return number == 1 && read_scalar(object.ptr(), 0, assign);
    }
    if (PySequence_Fast_GET_SIZE(object.ptr()) != static_cast<Py_ssize_t>(number)) {
      return false;
    }
    PyObject* const* items = PySequence_Fast_ITEMS(object.ptr());
    for (std::size_t index = 0; index < number; ++index) {
      if (!read_scalar(items[index], index, assign)) {
        return false;
      }
    }
    return true;
  }

  // Calls assign(index, flag) for each number, as `read` does. Returns false if one is not 0 or 1.
  template <class Assign>
  [[nodiscard]] bool read_flags(const pybind11::object& object, std::size_t number,
                                Assign assign) const {
    return read(object, number, [&](std::size_t index, auto value) {
      const bool flag = value == 1;
      if (!flag && value != 0) {
        return false;
      }
      assign(index, flag);
      return true;
    });
  }

 private:
  template <class Assign>
  static bool read_array(const pybind11::array& array, std::size_t number, Assign assign) {
    if (static_cast<std::size_t>(array.size()) != number || !is_contiguous(array) ||
        !is_aligned(array)) {
      return false;
    }
    return visit_number(number_kind(array), [&]<class Number>() {
      const auto* values = static_cast<const Number*>(array.data());
      for (std::size_t index = 0; index < number; ++index) {
        if (!assign(index, values[index])) {
          return false;
        }
      }
      return true;
    });
  }

  template <class Assign>
  bool read_scalar(PyObject* item, std::size_t index, Assign assign) const {
    if (item == Py_True || item == Py_False) {
      return assign(index, item == Py_True);
    }
    if (item == true_.ptr() || item == false_.ptr()) {
      return assign(index, item == true_.ptr());
    }
    if (PyFloat_CheckExact(item) != 0) {
      return assign(index, PyFloat_AS_DOUBLE(item));
    }
    if (PyLong_CheckExact(item) == 0) {
      return false;
    }
    int overflow = 0;
    const auto value = static_cast<std::int64_t>(PyLong_AsLongLongAndOverflow(item, &overflow));
    return overflow == 0 && assign(index, value);
  }

  // NumPy has one object for each of its two bools.
  pybind11::object true_;
  pybind11::object false_;
};

}  // namespace framering::bindings
