#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/register.hpp"
#include "system/parent_death.hpp"
#include "system/worker_channel.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using std::chrono::microseconds;
using system::WorkerChannel;

// At most a day, so that an infinite time does not overflow.
microseconds from_seconds(double seconds, const char* name) {
  if (!(seconds >= 0)) {
    throw py::value_error(std::string(name) + ": expected 0 or more seconds, got " +
                          std::to_string(seconds));
  }
  return microseconds(static_cast<std::int64_t>(std::fmin(seconds, 86400.0) * 1e6));
}

// Waits without the GIL, then runs Python's handler of the signal that may have ended the wait.
template <class Wait>
auto wait_without_gil(Wait wait) {
  std::optional<std::invoke_result_t<Wait>> result;
  {
    const py::gil_scoped_release nogil;
    result = wait();
  }
  if (PyErr_CheckSignals() != 0) {
    throw py::error_already_set();
  }
  return *std::move(result);
}

py::array_t<std::uint8_t> data(const std::shared_ptr<WorkerChannel>& channel) {
  const auto bytes = channel->data();
  // The array owns a reference to the channel, so that the mapping lives as long as the array.
  const auto* owner = new std::shared_ptr<WorkerChannel>(channel);
  const py::capsule keep(
      owner, [](void* kept) { delete static_cast<std::shared_ptr<WorkerChannel>*>(kept); });
  return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(bytes.size()),
                                   reinterpret_cast<std::uint8_t*>(bytes.data()), keep);
}

using Indices = py::array_t<std::int64_t, py::array::c_style>;

// Starts a task of each lane, then notifies each of their workers once; -1 stands for the caller.
void start(WorkerChannel& self, const Indices& lanes, const Indices& workers) {
  if (lanes.ndim() != 1 || workers.ndim() != 1 || lanes.size() != workers.size()) {
    throw py::value_error("lanes and workers: expected two int64 arrays (B,), got " +
                          shape_text(lanes) + " and " + shape_text(workers));
  }
  const system::LaneTasks tasks = self.tasks();
  std::vector<bool> notified(self.workers(), false);
  const auto count = static_cast<std::size_t>(lanes.size());
  for (const std::int64_t lane : std::span(lanes.data(), count)) {
    tasks.start(static_cast<std::size_t>(lane));
  }
  for (const std::int64_t index : std::span(workers.data(), count)) {
    if (index == -1) {
      continue;
    }
    const auto worker = static_cast<std::size_t>(index);
    if (worker >= notified.size() || !notified[worker]) {
      self.request(worker);
      notified[worker] = true;
    }
  }
}

py::array_t<std::int64_t> as_array(const std::vector<std::size_t>& lanes) {
  py::array_t<std::int64_t> array(static_cast<py::ssize_t>(lanes.size()));
  std::ranges::copy(lanes, array.mutable_data());
  return array;
}

}  // namespace

void register_worker_channel(py::module_& module) {
  py::class_<WorkerChannel, std::shared_ptr<WorkerChannel>>(
      module, "WorkerChannel",
      "Requests to worker processes and their completions, in shared memory.")
      .def(py::init<std::size_t, std::size_t, std::size_t>(), py::kw_only(), py::arg("workers"),
           py::arg("data_bytes"), py::arg("lanes") = 0)
      .def_static(
          "attach",
          [](int fd) { return std::make_shared<WorkerChannel>(WorkerChannel::attach(fd)); },
          py::arg("fd"))
      .def_property_readonly("fd", &WorkerChannel::descriptor)
      .def_property_readonly("workers", &WorkerChannel::workers)
      .def_property_readonly("data", &data)
      .def("request", &WorkerChannel::request, py::arg("worker"))
      .def("request_all", &WorkerChannel::request_all)
      .def(
          "wait_all",
          [](WorkerChannel& self, double spin, double timeout, bool spin_for_first) {
            const auto spin_time = from_seconds(spin, "spin");
            const auto wait_time = from_seconds(timeout, "timeout");
            return wait_without_gil(
                [&] { return self.wait_all(spin_time, wait_time, spin_for_first); });
          },
          py::arg("spin"), py::arg("timeout"), py::arg("spin_for_first") = false)
      .def("cancel", &WorkerChannel::cancel, py::arg("worker"))
      .def(
          "wait_request",
          [](WorkerChannel& self, std::size_t worker, double spin, double timeout) {
            const auto spin_time = from_seconds(spin, "spin");
            const auto wait_time = from_seconds(timeout, "timeout");
            return wait_without_gil(
                [&] { return self.wait_request(worker, spin_time, wait_time); });
          },
          py::arg("worker"), py::arg("spin"), py::arg("timeout"))
      .def("complete", &WorkerChannel::complete, py::arg("worker"))
      .def("start", &start, py::arg("lanes").noconvert(), py::arg("workers").noconvert())
      .def(
          "wait_ready",
          [](const WorkerChannel& self, std::size_t number, double spin, double timeout) {
            const auto spin_time = from_seconds(spin, "spin");
            const auto wait_time = from_seconds(timeout, "timeout");
            return wait_without_gil(
                [&] { return self.tasks().wait_ready(number, spin_time, wait_time); });
          },
          py::arg("number"), py::arg("spin"), py::arg("timeout"))
      .def(
          "take_ready",
          [](const WorkerChannel& self, std::size_t most) {
            return as_array(self.tasks().take_ready(most));
          },
          py::arg("most"))
      .def(
          "next_own",
          [](const WorkerChannel& self, std::size_t own, std::size_t number) {
            return self.tasks().next_own(own, number);
          },
          py::arg("own"), py::arg("number"))
      .def(
          "running",
          [](const WorkerChannel& self, std::size_t first, std::size_t last) {
            return as_array(self.tasks().running(first, last));
          },
          py::arg("first"), py::arg("last"))
      .def(
          "wait_running",
          [](WorkerChannel& self, std::size_t worker, std::size_t first, std::size_t last,
             double spin, double timeout) {
            const auto spin_time = from_seconds(spin, "spin");
            const auto wait_time = from_seconds(timeout, "timeout");
            return wait_without_gil(
                [&] { return self.wait_running(worker, first, last, spin_time, wait_time); });
          },
          py::arg("worker"), py::arg("first"), py::arg("last"), py::arg("spin"), py::arg("timeout"))
      .def(
          "finish", [](const WorkerChannel& self, std::size_t lane) { self.tasks().finish(lane); },
          py::arg("lane"));

  module.def("exit_with_parent", &system::exit_with_parent, py::arg("parent"));
}

}  // namespace framering::bindings
