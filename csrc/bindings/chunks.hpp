// Chunks of a lane as bytes: see ring/chunk.hpp.
#pragma once

#include <pybind11/pybind11.h>

#include <cstdint>

#include "ring/lane_writer.hpp"
#include "ring/ring.hpp"

namespace framering::bindings {

// Both release the GIL while they work on a chunk's bytes.
pybind11::bytes read_chunk(const ring::Ring& ring, std::uint64_t lane, std::uint64_t first,
                           std::uint64_t limit);

// Throws TypeError for an object that has no contiguous bytes.
std::uint64_t write_chunk(ring::LaneWriter& writer, const ring::Layout& layout,
                          const pybind11::object& chunk, bool continues);

}  // namespace framering::bindings
