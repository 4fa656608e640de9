// The NumPy arrays that batches are handed over in.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <vector>

#include "system/block_pool.hpp"

namespace framering::bindings {

using Shape = std::vector<pybind11::ssize_t>;

// An array to be filled. A large one lies in a block of the pool, which gets it back when the last
// reference to the array or a view of it, a tensor's too, has gone.
pybind11::array new_array(system::BlockPool& pool, const pybind11::dtype& dtype,
                          const Shape& shape);

// A caller's own array to be filled, where it is as a new one would be. Throws TypeError,
// ValueError.
pybind11::array given_array(const pybind11::object& object, const char* name,
                            const pybind11::dtype& dtype, const Shape& shape);

// A view of `number` entries of the second axis, from `first` on.
pybind11::array slice(const pybind11::array& array, pybind11::ssize_t first,
                      pybind11::ssize_t number);

}  // namespace framering::bindings
