// Snapshots of a buffer, in files and in bytes objects.
#pragma once

#include <pybind11/pybind11.h>

#include "bindings/sampler_base.hpp"

namespace framering::bindings {

// The buffer's contents with `extra`, written to a file descriptor, or as bytes. Throws OSError.
void save_snapshot(SamplerBase& sampler, int descriptor, const pybind11::bytes& extra);
pybind11::bytes dump_snapshot(SamplerBase& sampler, const pybind11::bytes& extra);

// Fills the empty ring with a snapshot's contents, read from a file descriptor up to the file's
// end, or from bytes. Its extra must begin with `format`. When all has been checked and nothing
// been changed, `accept` is called with the extra and the number of the window's slots; what it
// raises ends the load. Throws ValueError for what is no snapshot for this buffer, RuntimeError for
// a buffer in use, OSError.
void load_snapshot(SamplerBase& sampler, int descriptor, const pybind11::bytes& format,
                   const pybind11::function& accept);
void load_snapshot_bytes(SamplerBase& sampler, const pybind11::bytes& snapshot,
                         const pybind11::bytes& format, const pybind11::function& accept);

}  // namespace framering::bindings
