// Checks of arguments that describe images. They read no pixel.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include "frame/palette.hpp"
#include "frame/shape.hpp"

namespace framering::bindings {

// `object` as a C-contiguous uint8 array. Throws TypeError or ValueError, naming `name`.
pybind11::array uint8_image(const pybind11::object& object, std::string_view name);

// The same for an output, which must also be writable and have this shape; `meaning` describes it.
pybind11::array writable_image(const pybind11::object& object, std::string_view name,
                               std::initializer_list<pybind11::ssize_t> shape,
                               std::string_view meaning);

using Size = std::pair<pybind11::ssize_t, pybind11::ssize_t>;

// Throws ValueError, naming `name`, unless both are at least 1 and small enough for pixel indices
// held in int.
frame::Shape shape_of(Size size, std::string_view name);

// Throws ValueError, naming `name`, if an axis of `to` is longer than that of `from`.
void require_shrink(Size from, Size to, std::string_view name);

// Throws ValueError for an unknown palette.
frame::Palette palette_named(const std::string& name);

}  // namespace framering::bindings
