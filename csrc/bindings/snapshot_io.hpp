// Snapshots of a buffer, in files and in bytes objects.
#pragma once

#include <pybind11/pybind11.h>

#include "bindings/sampler_base.hpp"

namespace framering::bindings {

// The buffer's contents with `extra`, written to a file descriptor, or as bytes. Throws OSError.
void save_snapshot(SamplerBase& sampler, int descriptor, const pybind11::bytes& extra);
pybind11::bytes dump_snapshot(SamplerBase& sampler, const pybind11::bytes& extra);

// Fills the empty ring with a snapshot's contents, read from a file descriptor up to the file's
// end, or from bytes. Its extra must begin with `format`. After all checks, and before
// anything changes, `accept` is called with the extra and the number of the window's slots; an
// exception that it raises ends the load. Throws ValueError for bytes that are no snapshot of such
// a buffer, RuntimeError for a buffer in use, and OSError.
void load_snapshot(SamplerBase& sampler, int descriptor, const pybind11::bytes& format,
                   const pybind11::function& accept);
void load_snapshot_bytes(SamplerBase& sampler, const pybind11::bytes& snapshot,
                         const pybind11::bytes& format, const pybind11::function& accept);

}  // namespace framering::bindings
