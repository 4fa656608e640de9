// NumPy arrays for the fields of a batch.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <vector>

#include "system/block_pool.hpp"

namespace framering::bindings {

using Shape = std::vector<pybind11::ssize_t>;

// An array to be filled. A large one lies in a block of the pool. The block goes back to the pool
// with the last reference to the array or to a view of it, such as a tensor.
pybind11::array new_array(system::BlockPool& pool, const pybind11::dtype& dtype,
                          const Shape& shape);

// A caller's array to be filled. Throws TypeError or ValueError unless it is a writable, contiguous
// array of this dtype and shape.
pybind11::array given_array(const pybind11::object& object, const char* name,
                            const pybind11::dtype& dtype, const Shape& shape);

// A view of `number` entries of the second axis, from `first` on.
pybind11::array slice(const pybind11::array& array, pybind11::ssize_t first,
                      pybind11::ssize_t number);

}  // namespace framering::bindings
