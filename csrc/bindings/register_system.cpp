#include "bindings/register.hpp"
#include "system/available_memory.hpp"
#include "system/cpu_features.hpp"
#include "system/heap.hpp"

namespace py = pybind11;

namespace framering::bindings {

void register_system(py::module_& module) {
  // A wrong FRAMERING_CPU or FRAMERING_MEMORY is an error at import, not in the middle of a run.
  system::cpu_path();
  system::available_memory();

  module.def(
      "cpu_features",
      [] {
        const auto& features = system::cpu_features();
        py::dict found;
        found["avx2"] = features.avx2;
        found["avx512"] = features.avx512;
        found["neon"] = features.neon;
        found["path"] = system::name(system::cpu_path());
        return found;
      },
      R"(The instruction sets of this processor, and the code path that the kernels use.

Returns
-------
dict
    ``avx2``, ``avx512`` (F, BW, DQ and VL) and ``neon``: whether the processor has them, and this
    build has kernels for them.
    ``path``: ``"avx512"``, ``"avx2"`` or ``"portable"``, chosen at import; every path gives the same
    bytes. The environment variable ``FRAMERING_CPU`` selects one; an unknown name, or a path that
    the processor or this build lacks, is an error at import.

Examples
--------
>>> import framering
>>> framering.cpu_features()["path"] in ("avx512", "avx2", "portable")
True
)");

  module.def(
      "system_calls", [] { return FRAMERING_SYSTEM_CALLS; },
      R"(Return the system calls that this build uses: "linux", or "posix" for POSIX's alone.)");

  module.def("available_memory", &system::available_memory,
             "Return the bytes of memory that may be taken: the environment variable "
             "FRAMERING_MEMORY, or what the system reports.");

  module.def("keep_freed_memory", &system::keep_freed_memory,
             "Make malloc keep freed memory instead of returning it to the kernel (glibc only).");
}

}  // namespace framering::bindings
