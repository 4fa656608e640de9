#include "bindings/register.hpp"
#include "system/cpu_features.hpp"

namespace py = pybind11;

namespace framering::bindings {

void register_system(py::module_& module) {
  module.def(
      "cpu_features",
      [] {
        const auto& features = system::cpu_features();
        py::dict found;
        found["avx2"] = features.avx2;
        found["neon"] = features.neon;
        return found;
      },
      "The instruction-set paths that this processor can run.");
}

}  // namespace framering::bindings
