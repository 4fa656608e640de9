#include "bindings/image_argument.hpp"

#include <algorithm>
#include <string>

namespace py = pybind11;

namespace framering::bindings {

namespace {

std::string shape_text(const py::ssize_t* begin, const py::ssize_t* end) {
  std::string text = "(";
  for (const py::ssize_t* size = begin; size != end; ++size) {
    text += (size == begin ? "" : ", ") + std::to_string(*size);
  }
  return text + (end - begin == 1 ? ",)" : ")");
}

}  // namespace

py::array uint8_image(const py::object& object, const char* name) {
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(std::string(name) + " must be a uint8 NumPy array, got " +
                         py::str(py::type::handle_of(object)).cast<std::string>());
  }
  auto array = py::reinterpret_borrow<py::array>(object);
  if (!py::isinstance<py::array_t<std::uint8_t>>(array)) {
    throw py::type_error(std::string(name) + " must be a uint8 array, got dtype " +
                         py::str(array.dtype()).cast<std::string>() +
                         "; convert it, for example with .astype(np.uint8)");
  }
  if ((array.flags() & py::array::c_style) == 0) {
    throw py::value_error(std::string(name) +
                          " must be C-contiguous; pass np.ascontiguousarray(...) of it");
  }
  return array;
}

py::array writable_image(const py::object& object, const char* name,
                         std::initializer_list<py::ssize_t> shape, const char* because) {
  py::array array = uint8_image(object, name);
  if (!std::equal(shape.begin(), shape.end(), array.shape(), array.shape() + array.ndim())) {
    throw py::value_error(std::string(name) + " must have shape " +
                          shape_text(shape.begin(), shape.end()) + ", " + because + ", got " +
                          shape_text(array.shape(), array.shape() + array.ndim()));
  }
  if (!array.writeable()) {
    throw py::value_error(std::string(name) + " must be writable, got a read-only array");
  }
  return array;
}

void check_no_overlap(const py::array& input, const char* input_name, const py::array& output,
                      const char* output_name) {
  const auto* input_begin = static_cast<const std::uint8_t*>(input.data());
  const auto* output_begin = static_cast<const std::uint8_t*>(output.data());
  if (input_begin < output_begin + output.nbytes() && output_begin < input_begin + input.nbytes()) {
    throw py::value_error(std::string(output_name) + " shares memory with " + input_name +
                          "; give it memory of its own");
  }
}

}  // namespace framering::bindings
