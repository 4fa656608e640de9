#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/recorder.hpp"
#include "bindings/register.hpp"
#include "bindings/sampler.hpp"

namespace py = pybind11;

namespace framering::bindings {

void register_replay(py::module_& module) {
  py::class_<Recorder>(module, "Recorder", "Writes the transitions of all lanes.")
      .def(py::init<std::shared_ptr<ring::Ring>, py::dtype, std::vector<py::ssize_t>, py::dtype,
                    std::optional<std::pair<std::int64_t, std::int64_t>>>(),
           py::arg("ring"), py::arg("obs_dtype"), py::arg("obs_shape"), py::arg("action_dtype"),
           py::arg("actions"))
      .def("add", &Recorder::add);

  py::class_<BoundWindow>(module, "Window", "What a sampler may draw from, at one moment.")
      .def("counts",
           [](const BoundWindow& self) {
             std::vector<std::uint64_t> counts;
             for (const auto& lane : self.window.lanes) {
               counts.push_back(lane.transitions);
             }
             return counts;
           })
      .def("bounds",
           [](const BoundWindow& self) {
             std::vector<std::pair<std::uint64_t, std::uint64_t>> bounds;
             for (const auto& lane : self.window.lanes) {
               bounds.emplace_back(lane.low, lane.high);
             }
             return bounds;
           })
      .def("__len__", [](const BoundWindow& self) { return self.window.transitions; });

  py::class_<Sampler>(module, "Sampler", "Draws batches and copies them into new arrays.")
      .def(py::init([](std::shared_ptr<ring::Ring> ring, py::dtype obs_dtype,
                       std::vector<py::ssize_t> obs_shape, py::dtype action_dtype,
                       std::uint64_t capacity, std::uint64_t n_step, double gamma,
                       std::uint64_t seed) {
             return std::make_unique<Sampler>(
                 std::move(ring),
                 BatchFormat{std::move(obs_dtype), std::move(obs_shape), std::move(action_dtype)},
                 capacity, ring::Returns{n_step, gamma}, seed);
           }),
           py::kw_only(), py::arg("ring"), py::arg("obs_dtype"), py::arg("obs_shape"),
           py::arg("action_dtype"), py::arg("capacity"), py::arg("n_step"), py::arg("gamma"),
           py::arg("seed"))
      .def("sample", &Sampler::sample, py::arg("batch_size"), py::arg("seed"), py::arg("window"),
           py::arg("contiguous"))
      .def("fetch", &Sampler::fetch, py::arg("places"), py::arg("contiguous"))
      .def("window", &Sampler::window, py::arg("guard"))
      .def("least_transitions_seen", &Sampler::least_transitions_seen)
      .def("forget", &Sampler::forget)
      .def_property("generator_state", &Sampler::generator_state, &Sampler::set_generator_state);
}

}  // namespace framering::bindings
