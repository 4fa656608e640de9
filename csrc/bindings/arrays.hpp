// Checking array arguments before any of their bytes are used.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <string>
#include <vector>

namespace framering::bindings {

// "uint8 (4, 84, 84)", for messages.
std::string describe(const pybind11::array& array);

// Throws TypeError for another dtype, ValueError for another number of elements, or an array that
// is not C-contiguous. `name` and `expected` make the message.
void require_array(const pybind11::array& array, const pybind11::dtype& dtype,
                   std::uint64_t elements, const std::string& name, const std::string& expected);

// The checked bytes, to read or, where the array allows it (else ValueError), to write.
const std::uint8_t* readable_bytes(const pybind11::array& array, std::uint64_t bytes,
                                   const std::string& name, const std::string& expected);
std::uint8_t* writable_bytes(pybind11::array& array, std::uint64_t bytes, const std::string& name,
                             const std::string& expected);

}  // namespace framering::bindings
