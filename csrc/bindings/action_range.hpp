// The actions of a Discrete action space, compared in their own dtype.
#pragma once

#include <pybind11/numpy.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace framering::bindings {

class ActionRange {
 public:
  // `limits` holds the lowest and the highest action, in an integer dtype of this machine's byte
  // order. Throws TypeError for another dtype, ValueError for an array of another shape.
  ActionRange(const pybind11::dtype& dtype, const pybind11::array& limits);

  // Throws ValueError for the first of `number` actions that is not within the limits.
  void require(const std::uint8_t* actions, std::uint64_t number) const {
    require_(limits_.data(), actions, number);
  }

 private:
  using Require = void (*)(const std::uint8_t* limits, const std::uint8_t* actions,
                           std::uint64_t number);

  Require require_;
  std::array<std::uint8_t, 2 * sizeof(std::uint64_t)> limits_{};
};

}  // namespace framering::bindings
