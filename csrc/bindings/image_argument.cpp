#include "bindings/image_argument.hpp"

#include <cstdint>
#include <limits>
#include <string>

#include "bindings/arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

std::string size_text(Size size) {
  return "(" + std::to_string(size.first) + ", " + std::to_string(size.second) + ")";
}

}  // namespace

py::array uint8_image(const py::object& object, std::string_view name) {
  py::array array = require_ndarray(object, py::dtype::of<std::uint8_t>(), name);
  require_contiguous(array, name);
  return array;
}

py::array writable_image(const py::object& object, std::string_view name,
                         std::initializer_list<py::ssize_t> shape, std::string_view meaning) {
  py::array array = uint8_image(object, name);
  require_shape(array, shape, name, meaning);
  require_writable(array, name);
  return array;
}

frame::Shape shape_of(Size size, std::string_view name) {
  constexpr py::ssize_t limit = std::numeric_limits<int>::max() / 8;
  if (size.first < 1 || size.second < 1 || size.first > limit || size.second > limit) {
    throw py::value_error(std::string(name) + ": expected (height, width), each 1 or more and at " +
                          "most " + std::to_string(limit) + ", got " + size_text(size));
  }
  return {static_cast<int>(size.first), static_cast<int>(size.second)};
}

void require_shrink(Size from, Size to, std::string_view name) {
  if (to.first > from.first || to.second > from.second) {
    throw py::value_error(std::string(name) + ": expected at most the source's " + size_text(from) +
                          " on each axis, got " + size_text(to) +
                          "; area interpolation only shrinks, so enlarge with another one");
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
        "palette: expected 'ntsc' or 'pal', got 'secam', whose colours could not be measured, "
        "because no ROM that ale-py ships uses it");
  }
  throw py::value_error("palette: expected 'ntsc' or 'pal', got '" + name + "'");
}

}  // namespace framering::bindings
