// A lane's writer for Python, and the checks of its arguments.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <memory>
#include <string>

#include "bindings/arrays.hpp"
#include "ring/lane_writer.hpp"
#include "ring/ring.hpp"

namespace framering::bindings {

// A lane's writer, and the geometry that its arguments must have.
struct BoundWriter {
  BoundWriter(const std::shared_ptr<ring::Ring>& its_ring, std::uint64_t lane)
      : ring(its_ring), geometry(its_ring->geometry()), writer(its_ring, lane) {}

  [[nodiscard]] const std::uint8_t* frame(const pybind11::array& array) const {
    return readable_bytes(array, geometry.frame_bytes, "frame",
                          "uint8 of " + std::to_string(geometry.frame_bytes) + " elements");
  }

  [[nodiscard]] const std::uint8_t* stack(const pybind11::array& array, const char* name) const {
    const std::uint64_t bytes = geometry.stack * geometry.frame_bytes;
    return readable_bytes(array, bytes, name, "uint8 of " + std::to_string(bytes) + " elements");
  }

  std::shared_ptr<const ring::Ring> ring;
  ring::Geometry geometry;
  ring::LaneWriter writer;
};

// An action's bytes: those of an array, or an int as an int64.
class ActionBytes {
 public:
  ActionBytes(const pybind11::object& action, std::uint64_t action_bytes) {
    if (pybind11::isinstance<pybind11::array>(action)) {
      array_ = pybind11::reinterpret_borrow<pybind11::array>(action);
      if (static_cast<std::uint64_t>(array_.nbytes()) != action_bytes || !is_contiguous(array_)) {
        throw pybind11::value_error("action: expected " + std::to_string(action_bytes) +
                                    " contiguous bytes, got " + describe(array_));
      }
      data_ = static_cast<const std::uint8_t*>(array_.data());
    } else {
      if (action_bytes != sizeof(integer_)) {
        throw pybind11::type_error("action: an int fits a ring with action_bytes=8, this one has " +
                                   std::to_string(action_bytes) +
                                   ": give an array of that many bytes");
      }
      integer_ = pybind11::cast<std::int64_t>(action);
      data_ = reinterpret_cast<const std::uint8_t*>(&integer_);
    }
  }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }

 private:
  pybind11::array array_;
  std::int64_t integer_ = 0;
  const std::uint8_t* data_ = nullptr;
};

}  // namespace framering::bindings
