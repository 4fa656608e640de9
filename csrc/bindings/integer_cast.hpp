// Integers of any dtype, cast to another without loss.
#pragma once

#include <pybind11/numpy.h>

#include <cstddef>
#include <cstdint>

#include "bindings/numbers.hpp"

namespace framering::bindings {

class IntegerCast {
 public:
  explicit IntegerCast(const pybind11::dtype& dtype);

  // Writes `number` integers in the dtype to `out`. Returns false if the dtype is no integer, or
  // `object` does not hold `number` integers that fit it; part of `out` may be written then.
  bool operator()(const NumberReader& numbers, const pybind11::object& object, std::size_t number,
                  std::uint8_t* out) const {
    return cast_ != nullptr && cast_(numbers, object, number, out);
  }

 private:
  using Cast = bool (*)(const NumberReader& numbers, const pybind11::object& object,
                        std::size_t number, std::uint8_t* out);

  Cast cast_;
};

}  // namespace framering::bindings
