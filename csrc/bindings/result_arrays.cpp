#include "bindings/result_arrays.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <utility>

#include "bindings/arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

// malloc itself keeps smaller blocks for the next allocation.
constexpr py::ssize_t kPooled = py::ssize_t{64} << 10U;

}  // namespace

py::array new_array(system::BlockPool& pool, const py::dtype& dtype, const Shape& shape) {
  const auto bytes =
      std::accumulate(shape.begin(), shape.end(), dtype.itemsize(), std::multiplies<>());
  if (bytes < kPooled) {
    return {dtype, shape};
  }
  using Loan = system::BlockPool::Loan;
  auto loan = std::make_unique<Loan>(pool.lend(static_cast<std::size_t>(bytes)));
  const void* data = loan->data();
  const py::capsule owner(loan.get(), [](void* lent) { delete static_cast<Loan*>(lent); });
  [[maybe_unused]] const Loan* const owned = loan.release();  // by the capsule
  return {dtype, shape, data, owner};
}

py::array given_array(const py::object& object, const char* name, const py::dtype& dtype,
                      const Shape& shape) {
  const auto expected = [&] {
    return "out." + std::string(name) + ": expected a writable, contiguous " +
           describe(py::array(dtype, shape)) + ", got ";
  };
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(expected() + std::string(py::str(py::type::of(object))));
  }
  auto array = py::reinterpret_borrow<py::array>(object);
  if (!has_dtype(array, dtype) || !has_shape(array, shape) || !is_contiguous(array) ||
      !array.writeable()) {
    throw py::value_error(expected() + describe(array));
  }
  return array;
}

py::array slice(const py::array& array, py::ssize_t first, py::ssize_t number) {
  Shape shape(array.shape(), array.shape() + array.ndim());
  const Shape strides(array.strides(), array.strides() + array.ndim());
  shape[1] = number;
  const auto* data = static_cast<const std::uint8_t*>(array.data()) + first * strides[1];
  return {array.dtype(), shape, strides, data, array};
}

}  // namespace framering::bindings
