#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <optional>

#include "bindings/register.hpp"
#include "system/exchange.hpp"
#include "system/parent_death.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using std::chrono::microseconds;
using system::Exchange;

// A day at most: what a caller means by longer is "for good", and that must not overflow.
microseconds from_seconds(double seconds) {
  if (!(seconds >= 0)) {
    throw py::value_error("a time must not be negative, got " + std::to_string(seconds) + " s");
  }
  return microseconds(static_cast<std::int64_t>(std::fmin(seconds, 86400.0) * 1e6));
}

// Runs a wait without the GIL, then lets Python see the signal that may have ended it.
template <class Wait>
auto waited(Wait wait) {
  auto result = [&] {
    const py::gil_scoped_release nogil;
    return wait();
  }();
  if (PyErr_CheckSignals() != 0) {
    throw py::error_already_set();
  }
  return result;
}

py::array_t<std::uint8_t> data(const std::shared_ptr<Exchange>& exchange) {
  const auto bytes = exchange->data();
  // The array keeps the mapping alive.
  auto* owner = new std::shared_ptr<Exchange>(exchange);
  const py::capsule keep(owner,
                         [](void* kept) { delete static_cast<std::shared_ptr<Exchange>*>(kept); });
  return py::array_t<std::uint8_t>(static_cast<py::ssize_t>(bytes.size()),
                                   reinterpret_cast<std::uint8_t*>(bytes.data()), keep);
}

}  // namespace

void register_exchange(py::module_& module) {
  py::class_<Exchange, std::shared_ptr<Exchange>>(
      module, "Exchange", "Requests to worker processes and their completions, in shared memory.")
      .def(py::init<std::size_t, std::size_t>(), py::kw_only(), py::arg("workers"),
           py::arg("data_bytes"))
      .def_static(
          "attach", [](int fd) { return std::make_shared<Exchange>(Exchange::attach(fd)); },
          py::arg("fd"))
      .def_property_readonly("fd", &Exchange::descriptor)
      .def_property_readonly("workers", &Exchange::workers)
      .def_property_readonly("data", &data)
      .def("request", &Exchange::request, py::arg("worker"))
      .def("request_all", &Exchange::request_all)
      .def(
          "wait_all",
          [](Exchange& self, double spin, double timeout, bool eager) {
            const auto [spinning, waiting] = std::pair(from_seconds(spin), from_seconds(timeout));
            return waited([&] { return self.wait_all(spinning, waiting, eager); });
          },
          py::arg("spin"), py::arg("timeout"), py::arg("eager") = false)
      .def("withdraw", &Exchange::withdraw, py::arg("worker"))
      .def(
          "wait_request",
          [](Exchange& self, std::size_t worker, double spin, double timeout) {
            const auto [spinning, waiting] = std::pair(from_seconds(spin), from_seconds(timeout));
            return waited([&] { return self.wait_request(worker, spinning, waiting); });
          },
          py::arg("worker"), py::arg("spin"), py::arg("timeout"))
      .def("complete", &Exchange::complete, py::arg("worker"));

  module.def("end_with_parent", &system::end_with_parent, py::arg("parent"));
}

}  // namespace framering::bindings
