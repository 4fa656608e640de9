#include "bindings/arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

std::string describe(const py::array& array) {
  std::string text = py::str(array.dtype());
  text += " (";
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    text += std::to_string(array.shape(axis)) + (axis + 1 < array.ndim() ? ", " : "");
  }
  return text + (array.ndim() == 1 ? ",)" : ")");
}

void require_array(const py::array& array, const py::dtype& dtype, std::uint64_t elements,
                   const std::string& name, const std::string& expected) {
  if (!array.dtype().equal(dtype)) {
    throw py::type_error(name + ": expected " + expected + ", got " + describe(array));
  }
  if (static_cast<std::uint64_t>(array.size()) != elements) {
    throw py::value_error(name + ": expected " + expected + ", got " + describe(array));
  }
  if ((array.flags() & py::array::c_style) == 0) {
    throw py::value_error(name + ": expected a C-contiguous array, got strides; " +
                          "np.ascontiguousarray makes one");
  }
}

const std::uint8_t* readable_bytes(const py::array& array, std::uint64_t bytes,
                                   const std::string& name, const std::string& expected) {
  require_array(array, py::dtype::of<std::uint8_t>(), bytes, name, expected);
  return static_cast<const std::uint8_t*>(array.data());
}

std::uint8_t* writable_bytes(py::array& array, std::uint64_t bytes, const std::string& name,
                             const std::string& expected) {
  require_array(array, py::dtype::of<std::uint8_t>(), bytes, name, expected);
  if (!array.writeable()) {
    throw py::value_error(name + ": expected a writable array, got a read-only one");
  }
  return static_cast<std::uint8_t*>(array.mutable_data());
}

}  // namespace framering::bindings
