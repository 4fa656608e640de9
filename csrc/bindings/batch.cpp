#include "bindings/batch.hpp"

#include <array>
#include <cstddef>

namespace py = pybind11;

namespace framering::bindings {

namespace {

constexpr std::size_t kFields = 9;

PyTypeObject* make_class() {
  static std::array<PyStructSequence_Field, kFields + 1> fields{{
      {"observations", nullptr},
      {"actions", nullptr},
      {"next_observations", nullptr},
      {"dones", nullptr},
      {"rewards", nullptr},
      {"discounts", nullptr},
      {"slot_indices", nullptr},
      {"indices", nullptr},
      {"weights", nullptr},
      {nullptr, nullptr},
  }};
  static PyStructSequence_Desc description{
      "framering._core.Batch", "A batch of transitions, as NumPy arrays.", fields.data(), kFields};
  return PyStructSequence_NewType(&description);
}

PyTypeObject* batch_type() {
  static PyTypeObject* type = make_class();
  if (type == nullptr) {
    throw py::error_already_set();
  }
  return type;
}

}  // namespace

py::object batch_class() {
  return py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(batch_type()));
}

py::object to_python(Batch batch) {
  auto sequence = py::reinterpret_steal<py::object>(PyStructSequence_New(batch_type()));
  if (!sequence) {
    throw py::error_already_set();
  }
  const std::array<py::object*, kFields> fields{
      &batch.observations, &batch.actions, &batch.next_observations,
      &batch.dones,        &batch.rewards, &batch.discounts,
      &batch.slot_indices, &batch.indices, &batch.weights};
  Py_ssize_t field = 0;
  for (py::object* value : fields) {
    PyStructSequence_SetItem(sequence.ptr(), field++, value->release().ptr());
  }
  return sequence;
}

}  // namespace framering::bindings
