// A batch of transitions as the samplers return it: arrays under the names of its fields.
#pragma once

#include <pybind11/numpy.h>

namespace framering::bindings {

// With n_step = 1, `discounts` and `slot_indices` are None, because they would only repeat what the
// other fields hold. Only a prioritized batch has `indices` and `weights`.
struct Batch {
  pybind11::object observations;
  pybind11::object actions;
  pybind11::object next_observations;
  pybind11::object dones;
  pybind11::object rewards;
  pybind11::object discounts = pybind11::none();
  pybind11::object slot_indices =
      pybind11::none();                         // int64 (B, 3): lane, arrival slot, steps taken
  pybind11::object indices = pybind11::none();  // int64 (B,), for updates of priorities
  pybind11::object weights = pybind11::none();  // float32 (B, 1)
};

// Makes the Python class `_core.Batch`, a struct sequence: as cheap to make as a tuple, and with
// its fields under their names.
pybind11::object batch_class();

// The Python object. Needs the GIL.
pybind11::object to_python(Batch batch);

}  // namespace framering::bindings
