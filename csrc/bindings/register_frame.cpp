#include "bindings/register.hpp"

namespace py = pybind11;

namespace framering::bindings {

void register_frame(py::module_& /*module*/) {}

}  // namespace framering::bindings
