#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include "bindings/prioritized_sampler.hpp"
#include "bindings/recorder.hpp"
#include "bindings/register.hpp"
#include "bindings/sampler.hpp"
#include "bindings/snapshot_io.hpp"

namespace py = pybind11;

namespace framering::bindings {

void register_replay(py::module_& module) {
  py::class_<Recorder>(module, "Recorder", "Writes the transitions of all lanes.")
      .def(py::init<std::shared_ptr<ring::Ring>, py::dtype, std::vector<py::ssize_t>, py::dtype,
                    std::optional<py::array>>(),
           py::arg("ring"), py::arg("obs_dtype"), py::arg("obs_shape"), py::arg("action_dtype"),
           py::arg("actions"))
      .def("add", &Recorder::add);

  py::class_<BoundWindow>(module, "Window", "What a sampler may draw from, at one moment.")
      .def("counts",
           [](const BoundWindow& self) {
             std::vector<std::uint64_t> counts;
             counts.reserve(self.window.lanes.size());
             for (const auto& lane : self.window.lanes) {
               counts.push_back(lane.transitions);
             }
             return counts;
           })
      .def("bounds",
           [](const BoundWindow& self) {
             std::vector<std::pair<std::uint64_t, std::uint64_t>> bounds;
             bounds.reserve(self.window.lanes.size());
             for (const auto& lane : self.window.lanes) {
               bounds.emplace_back(lane.low, lane.high);
             }
             return bounds;
           })
      .def("__len__", [](const BoundWindow& self) { return self.window.transitions; });

  module.attr("Batch") = batch_class();

  py::class_<SamplerBase>(module, "SamplerBase",
                          "Shared by the uniform and the prioritized sampler.")
      .def(
          "fetch",
          [](SamplerBase& self, const py::array& slot_indices, bool contiguous) {
            return self.fetch(slot_indices, {.contiguous = contiguous, .out = std::nullopt});
          },
          py::arg("slot_indices"), py::arg("contiguous"))
      .def("step_rewards", &SamplerBase::step_rewards, py::arg("slot_indices"))
      .def("steps", &SamplerBase::steps, py::arg("numbers"))
      .def("window", &SamplerBase::window, py::arg("guard"))
      .def("least_transitions_seen", &SamplerBase::least_transitions_seen)
      .def("forget", &SamplerBase::forget)
      .def("save", &save_snapshot, py::arg("fd"), py::arg("extra"))
      .def("dump", &dump_snapshot, py::arg("extra"))
      .def("load", &load_snapshot, py::arg("fd"), py::arg("prefix"), py::arg("accept"))
      .def("load_bytes", &load_snapshot_bytes, py::arg("snapshot"), py::arg("prefix"),
           py::arg("accept"))
      .def_property("generator_state", &SamplerBase::generator_state,
                    &SamplerBase::set_generator_state);

  py::class_<Sampler, SamplerBase>(module, "Sampler", "Draws uniformly.")
      .def(py::init([](const std::shared_ptr<ring::Ring>& ring, py::dtype obs_dtype,
                       std::vector<py::ssize_t> obs_shape, py::dtype action_dtype,
                       std::uint64_t capacity, std::uint64_t n_step, double gamma,
                       std::uint64_t seed) {
             return std::make_unique<Sampler>(
                 ring,
                 BatchFormat{std::move(obs_dtype), std::move(obs_shape), std::move(action_dtype)},
                 capacity, ring::NStepParams{n_step, gamma}, seed);
           }),
           py::kw_only(), py::arg("ring"), py::arg("obs_dtype"), py::arg("obs_shape"),
           py::arg("action_dtype"), py::arg("capacity"), py::arg("n_step"), py::arg("gamma"),
           py::arg("seed"))
      .def(
          "sample",
          [](Sampler& self, py::ssize_t batch_size, std::optional<double> seed,
             const BoundWindow* window, bool contiguous, std::optional<py::tuple> out) {
            return self.sample(batch_size, seed, window,
                               {.contiguous = contiguous, .out = std::move(out)});
          },
          py::arg("batch_size"), py::arg("seed"), py::arg("window"), py::arg("contiguous"),
          py::arg("out"))
      .def_property_readonly("overruns", &Sampler::overruns);

  py::class_<PrioritizedSampler, SamplerBase>(module, "PrioritizedSampler",
                                              "Draws in proportion to priorities.")
      .def(py::init([](const std::shared_ptr<ring::Ring>& ring, py::dtype obs_dtype,
                       std::vector<py::ssize_t> obs_shape, py::dtype action_dtype,
                       std::uint64_t capacity, std::uint64_t n_step, double gamma,
                       std::uint64_t seed, double alpha) {
             return std::make_unique<PrioritizedSampler>(
                 ring,
                 BatchFormat{std::move(obs_dtype), std::move(obs_shape), std::move(action_dtype)},
                 capacity, ring::NStepParams{n_step, gamma}, seed, alpha);
           }),
           py::kw_only(), py::arg("ring"), py::arg("obs_dtype"), py::arg("obs_shape"),
           py::arg("action_dtype"), py::arg("capacity"), py::arg("n_step"), py::arg("gamma"),
           py::arg("seed"), py::arg("alpha"))
      .def(
          "sample",
          [](PrioritizedSampler& self, py::ssize_t batch_size, std::optional<double> seed,
             const BoundWindow* window, bool contiguous, std::optional<py::tuple> out,
             double beta) {
            return self.sample(batch_size, seed, window,
                               {.contiguous = contiguous, .out = std::move(out)}, beta);
          },
          py::arg("batch_size"), py::arg("seed"), py::arg("window"), py::arg("contiguous"),
          py::arg("out"), py::arg("beta"))
      .def("update", &PrioritizedSampler::update, py::arg("indices"), py::arg("priorities"),
           py::arg("epsilon"))
      .def("priorities", &PrioritizedSampler::priorities)
      .def("restore", &PrioritizedSampler::restore, py::arg("priorities"), py::arg("highest"))
      .def_property_readonly("least_probability", &PrioritizedSampler::least_probability)
      .def_property("alpha", &PrioritizedSampler::alpha, &PrioritizedSampler::set_alpha);
}

}  // namespace framering::bindings
