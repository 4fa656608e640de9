// Checks of arguments about images. They touch no pixel.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "frame/palette.hpp"
#include "frame/shape.hpp"

namespace framering::bindings {

// Raises TypeError or ValueError, naming `name`, unless `object` is a C-contiguous uint8 array.
pybind11::array uint8_image(const pybind11::object& object, const char* name);

// An output must have this exact shape, and be writable. `because` says where the shape comes from.
pybind11::array writable_image(const pybind11::object& object, const char* name,
                               std::initializer_list<pybind11::ssize_t> shape, const char* because);

// An output that overlaps an input would change it while it is read.
void check_no_overlap(const pybind11::array& input, const char* input_name,
                      const pybind11::array& output, const char* output_name);

using Size = std::pair<pybind11::ssize_t, pybind11::ssize_t>;

// "(84, 84)", for messages.
std::string size_text(Size size);

// Raises ValueError, naming `name`, unless both are 1 or more (and few enough for an int).
frame::Shape shape_of(Size size, const char* name);

// Raises ValueError unless no axis of `to`, named by `what`, is longer than `from`'s.
void check_shrinks(Size from, Size to, const char* what);

// Raises ValueError for a name that is no known palette.
frame::Palette palette_named(const std::string& name);

std::uint8_t* bytes_of(pybind11::array& array);
const std::uint8_t* bytes_of(const pybind11::array& array);

}  // namespace framering::bindings
