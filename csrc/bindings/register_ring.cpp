#include "bindings/register.hpp"

namespace py = pybind11;

namespace framering::bindings {

void register_ring(py::module_& /*module*/) {}

}  // namespace framering::bindings
