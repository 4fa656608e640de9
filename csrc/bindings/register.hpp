// Each category of bindings has one file and one function here; module.cpp only calls them.
#pragma once

#include <pybind11/pybind11.h>

namespace framering::bindings {

void register_system(pybind11::module_& module);
void register_worker_channel(pybind11::module_& module);
void register_frame(pybind11::module_& module);
void register_image(pybind11::module_& module);
void register_lane_table(pybind11::module_& module);
void register_lent_blocks(pybind11::module_& module);
void register_ring(pybind11::module_& module);
void register_replay(pybind11::module_& module);

}  // namespace framering::bindings
