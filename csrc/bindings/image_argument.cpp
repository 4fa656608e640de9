#include "bindings/image_argument.hpp"

#include <algorithm>
#include <limits>
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

std::string size_text(Size size) {
  return "(" + std::to_string(size.first) + ", " + std::to_string(size.second) + ")";
}

// For pixel indices held in int.
frame::Shape shape_of(Size size, const char* name) {
  constexpr py::ssize_t limit = std::numeric_limits<int>::max() / 8;
  if (size.first < 1 || size.second < 1 || size.first > limit || size.second > limit) {
    throw py::value_error(std::string(name) + " must be (height, width), each 1 or more, got " +
                          size_text(size));
  }
  return {static_cast<int>(size.first), static_cast<int>(size.second)};
}

void check_shrinks(Size from, Size to, const char* what) {
  if (to.first > from.first || to.second > from.second) {
    throw py::value_error(std::string("area resize only shrinks: ") + what + " " + size_text(to) +
                          " must be no larger than the source's " + size_text(from) +
                          " on either axis; to enlarge, use another interpolation");
  }
}

frame::Palette palette_named(const std::string& name) {
  if (name == "ntsc") {
    return frame::Palette::ntsc;
  }
  if (name == "pal") {
    return frame::Palette::pal;
  }
  if (name == "secam") {
    throw py::value_error(
        "palette 'secam' is not known: no ROM that ale-py ships uses it, so its colours could not "
        "be measured; choose 'ntsc' or 'pal'");
  }
  throw py::value_error("palette must be 'ntsc' or 'pal', got '" + name + "'");
}

std::uint8_t* bytes_of(py::array& array) {
  return static_cast<std::uint8_t*>(array.mutable_data());
}

const std::uint8_t* bytes_of(const py::array& array) {
  return static_cast<const std::uint8_t*>(array.data());
}

}  // namespace framering::bindings
