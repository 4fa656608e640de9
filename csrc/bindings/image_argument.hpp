// Checks of array arguments that hold images. What they return stays valid for as long as the array
// is held; they touch no pixel.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace framering::bindings {

// Raises TypeError or ValueError, naming `name`, unless `object` is a C-contiguous uint8 array.
pybind11::array uint8_image(const pybind11::object& object, const char* name);

// An output must have this exact shape, and be writable. `because` says where the shape comes from.
pybind11::array writable_image(const pybind11::object& object, const char* name,
                               std::initializer_list<pybind11::ssize_t> shape, const char* because);

// An output that overlaps an input would change it while it is read.
void check_no_overlap(const pybind11::array& input, const char* input_name,
                      const pybind11::array& output, const char* output_name);

}  // namespace framering::bindings
