#include "bindings/register.hpp"

PYBIND11_MODULE(_core, module) {
  module.doc() = "framering's compiled core; private: use the framering package.";
  framering::bindings::register_system(module);
  framering::bindings::register_worker_channel(module);
  framering::bindings::register_frame(module);
  framering::bindings::register_image(module);
  framering::bindings::register_ring(module);
  framering::bindings::register_lane_table(module);
  framering::bindings::register_lent_blocks(module);
  framering::bindings::register_replay(module);
}
