#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/chunks.hpp"
#include "bindings/register.hpp"
#include "ring/gather.hpp"
#include "ring/lane_writer.hpp"
#include "ring/ring.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using ring::Geometry;
using ring::LaneWriter;
using ring::Memory;
using ring::Ring;
using ring::SlotIndex;

// A lane's writer, and the geometry that its arguments must have.
struct BoundWriter {
  BoundWriter(const std::shared_ptr<Ring>& ring, std::uint64_t lane)
      : geometry(ring->geometry()), writer(ring, lane) {}

  [[nodiscard]] const std::uint8_t* frame(const py::array& array) const {
    return readable_bytes(array, geometry.frame_bytes, "frame",
                          "uint8 of " + std::to_string(geometry.frame_bytes) + " elements");
  }

  [[nodiscard]] const std::uint8_t* stack(const py::array& array, const char* name) const {
    const std::uint64_t bytes = geometry.stack * geometry.frame_bytes;
    return readable_bytes(array, bytes, name, "uint8 of " + std::to_string(bytes) + " elements");
  }

  Geometry geometry;
  LaneWriter writer;
};

// An action's bytes: those of an array, or an int as an int64.
class ActionBytes {
 public:
  ActionBytes(const py::object& action, std::uint64_t action_bytes) {
    if (py::isinstance<py::array>(action)) {
      array_ = py::reinterpret_borrow<py::array>(action);
      if (static_cast<std::uint64_t>(array_.nbytes()) != action_bytes || !is_contiguous(array_)) {
        throw py::value_error("action: expected " + std::to_string(action_bytes) +
                              " contiguous bytes, got " + describe(array_));
      }
      data_ = static_cast<const std::uint8_t*>(array_.data());
    } else {
      if (action_bytes != sizeof(integer_)) {
        throw py::type_error("action: an int fits a ring with action_bytes=8, this one has " +
                             std::to_string(action_bytes) + ": give an array of that many bytes");
      }
      integer_ = py::cast<std::int64_t>(action);
      data_ = reinterpret_cast<const std::uint8_t*>(&integer_);
    }
  }
  [[nodiscard]] const std::uint8_t* data() const { return data_; }

 private:
  py::array array_;
  std::int64_t integer_ = 0;
  const std::uint8_t* data_ = nullptr;
};

std::uint64_t add(BoundWriter& self, const py::array& obs, const py::array& next_obs,
                  const py::object& action, float reward, bool terminated, bool truncated) {
  const auto* from = self.stack(obs, "obs");
  const auto* to = self.stack(next_obs, "next_obs");
  const ActionBytes bytes(action, self.geometry.action_bytes);
  const py::gil_scoped_release nogil;
  return self.writer.add(from, to, {bytes.data(), reward, terminated, truncated});
}

std::uint64_t append(BoundWriter& self, const py::array& frame, const py::object& action,
                     float reward, bool terminated, bool truncated) {
  const auto* to = self.frame(frame);
  const ActionBytes bytes(action, self.geometry.action_bytes);
  const py::gil_scoped_release nogil;
  return self.writer.append(to, {bytes.data(), reward, terminated, truncated});
}

std::uint64_t begin_segment(BoundWriter& self, const py::array& frame) {
  const auto* to = self.frame(frame);
  const py::gil_scoped_release nogil;
  return self.writer.begin_segment(to);
}

py::array_t<std::uint64_t> published(const Ring& ring) {
  py::array_t<std::uint64_t> counts(static_cast<py::ssize_t>(ring.geometry().lanes));
  auto view = counts.mutable_unchecked<1>();
  for (std::uint64_t lane = 0; lane < ring.geometry().lanes; ++lane) {
    view(static_cast<py::ssize_t>(lane)) = ring.lane(lane).published();
  }
  return counts;
}

// The position at which each encoded frame of a lane ends and the words since its key or raw frame
// begins, of the slots that are still whole.
py::array_t<std::uint64_t> frame_locations(const Ring& ring, std::uint64_t lane_index) {
  if (!ring.geometry().encoded()) {
    throw py::value_error(
        "frame_locations: expected a ring with encoded frames, got one with "
        "raw frames; give row_bytes");
  }
  const ring::Lane lane = ring.lane(lane_index);
  const std::uint64_t first = lane.oldest();
  const std::uint64_t published = lane.published();
  std::vector<ring::FrameLocation> found;
  found.reserve(published - first);
  for (std::uint64_t slot = first; slot < published; ++slot) {
    found.push_back(lane.load_location(slot));
  }
  // A writer may have overwritten the oldest ones meanwhile.
  const std::uint64_t overwritten = std::min(published, lane.oldest()) - first;
  const auto rows = static_cast<py::ssize_t>(found.size() - overwritten);
  py::array_t<std::uint64_t> locations({rows, py::ssize_t{2}});
  auto view = locations.mutable_unchecked<2>();
  for (py::ssize_t row = 0; row < rows; ++row) {
    const ring::FrameLocation& location = found[overwritten + static_cast<std::size_t>(row)];
    view(row, 0) = location.end;
    view(row, 1) = location.span;
  }
  return locations;
}

void gather_newest(const Ring& ring, py::array out, std::uint64_t first_lane,
                   std::optional<std::uint64_t> number) {
  const Geometry& geometry = ring.geometry();
  const std::uint64_t lanes = geometry.lanes;
  if (first_lane > lanes || (number && *number > lanes - first_lane)) {
    throw py::index_error("lanes " + std::to_string(first_lane) + " and on" +
                          (number ? ", " + std::to_string(*number) + " of them," : "") +
                          " of a ring with " + std::to_string(lanes) + " lanes");
  }
  const std::uint64_t count = number.value_or(lanes - first_lane);
  auto* bytes = writable_bytes(
      out, count * geometry.stack * geometry.frame_bytes, "out",
      "uint8 (" + std::to_string(count) + ", " + std::to_string(geometry.stack) + ", " +
          std::to_string(geometry.frame_bytes) + ") or the same in more axes");
  const py::gil_scoped_release nogil;
  ring::gather_newest(ring, first_lane, count, bytes);
}

void gather_newest_of(const Ring& ring, py::array out,
                      const py::array_t<std::int64_t, py::array::c_style>& lanes) {
  const Geometry& geometry = ring.geometry();
  if (lanes.ndim() != 1) {
    throw py::value_error("lanes: expected an int64 array (B,), got " + describe(lanes));
  }
  const auto count = static_cast<std::size_t>(lanes.size());
  std::vector<std::uint64_t> indices;
  indices.reserve(count);
  for (const std::int64_t lane : std::span(lanes.data(), count)) {
    if (lane < 0 || static_cast<std::uint64_t>(lane) >= geometry.lanes) {
      throw py::index_error("no lane " + std::to_string(lane) + " of a ring with " +
                            std::to_string(geometry.lanes) + " lanes");
    }
    indices.push_back(static_cast<std::uint64_t>(lane));
  }
  auto* bytes = writable_bytes(
      out, indices.size() * geometry.stack * geometry.frame_bytes, "out",
      "uint8 (" + std::to_string(indices.size()) + ", " + std::to_string(geometry.stack) + ", " +
          std::to_string(geometry.frame_bytes) + ") or the same in more axes");
  const py::gil_scoped_release nogil;
  ring::gather_newest(ring, indices, bytes);
}

std::vector<SlotIndex> slot_indices(const Ring& ring,
                                    const py::array_t<std::int64_t, py::array::c_style>& lanes,
                                    const py::array_t<std::int64_t, py::array::c_style>& slots) {
  if (lanes.ndim() != 1 || slots.ndim() != 1 || lanes.size() != slots.size()) {
    throw py::value_error("lanes and slots: expected two int64 arrays (B,), got " +
                          describe(lanes) + " and " + describe(slots));
  }
  std::vector<SlotIndex> found;
  found.reserve(static_cast<std::size_t>(lanes.size()));
  for (py::ssize_t i = 0; i < lanes.size(); ++i) {
    if (lanes.at(i) < 0 || static_cast<std::uint64_t>(lanes.at(i)) >= ring.geometry().lanes ||
        slots.at(i) < 0) {
      throw py::index_error("no slot " + std::to_string(slots.at(i)) + " in lane " +
                            std::to_string(lanes.at(i)) + " of a ring with " +
                            std::to_string(ring.geometry().lanes) + " lanes");
    }
    found.push_back(
        {static_cast<std::uint64_t>(lanes.at(i)), static_cast<std::uint64_t>(slots.at(i))});
  }
  return found;
}

void gather(const Ring& ring, const py::array_t<std::int64_t, py::array::c_style>& lanes,
            const py::array_t<std::int64_t, py::array::c_style>& slots, py::array out,
            std::optional<py::array> next_out) {
  const Geometry& geometry = ring.geometry();
  const auto wanted = slot_indices(ring, lanes, slots);
  const auto size = [&](std::uint64_t frames) {
    return wanted.size() * frames * geometry.frame_bytes;
  };
  const auto expected = [&](std::uint64_t frames) {
    return "uint8 (" + std::to_string(wanted.size()) + ", " + std::to_string(frames) + ", " +
           std::to_string(geometry.frame_bytes) + ") or the same in more axes";
  };
  if (next_out) {
    auto* obs = writable_bytes(out, size(geometry.stack), "out", expected(geometry.stack));
    auto* next_obs =
        writable_bytes(*next_out, size(geometry.stack), "next_out", expected(geometry.stack));
    const py::gil_scoped_release nogil;
    ring::gather_stacks(ring, wanted, obs, next_obs);
  } else {
    auto* blocks =
        writable_bytes(out, size(geometry.stack + 1), "out", expected(geometry.stack + 1));
    const py::gil_scoped_release nogil;
    ring::gather_blocks(ring, wanted, blocks);
  }
}

}  // namespace

void register_ring(py::module_& module) {
  py::class_<Ring, std::shared_ptr<Ring>>(module, "Ring",
                                          "Frames and transitions of several lanes, see DESIGN.")
      .def(py::init([](std::uint64_t lanes, std::uint64_t slots, std::uint64_t frame_bytes,
                       std::uint64_t stack, std::uint64_t action_bytes, std::uint64_t row_bytes,
                       std::uint64_t memory_limit, bool shared) {
             return std::make_shared<Ring>(
                 Geometry{lanes, slots, frame_bytes, stack, action_bytes, row_bytes, memory_limit},
                 shared ? Memory::kShared : Memory::kPrivate);
           }),
           py::kw_only(), py::arg("lanes"), py::arg("slots"), py::arg("frame_bytes"),
           py::arg("stack"), py::arg("action_bytes") = 8, py::arg("row_bytes") = 0,
           py::arg("memory_limit") = 0, py::arg("shared") = false)
      .def_static(
          "attach", [](int fd) { return std::make_shared<Ring>(Ring::attach(fd)); }, py::arg("fd"))
      .def_property_readonly("fd", &Ring::descriptor)
      .def_property_readonly("nbytes", &Ring::bytes)
      .def_property_readonly("lanes", [](const Ring& ring) { return ring.geometry().lanes; })
      .def_property_readonly("slots", [](const Ring& ring) { return ring.geometry().slots; })
      .def_property_readonly("frame_bytes",
                             [](const Ring& ring) { return ring.geometry().frame_bytes; })
      .def_property_readonly("stack", [](const Ring& ring) { return ring.geometry().stack; })
      .def_property_readonly("action_bytes",
                             [](const Ring& ring) { return ring.geometry().action_bytes; })
      .def_property_readonly("row_bytes",
                             [](const Ring& ring) { return ring.geometry().row_bytes; })
      .def_property_readonly("memory_limit",
                             [](const Ring& ring) { return ring.geometry().memory_limit; })
      .def(
          "writer",
          [](const std::shared_ptr<Ring>& ring, std::uint64_t lane) {
            return BoundWriter(ring, lane);
          },
          py::arg("lane"))
      .def("published", &published)
      .def("frame_locations", &frame_locations, py::arg("lane"))
      .def("read_chunk", &read_chunk, py::arg("lane"), py::arg("first"), py::arg("limit"))
      .def("gather_newest", &gather_newest, py::arg("out"), py::arg("first_lane") = 0,
           py::arg("number") = py::none())
      .def("gather_newest_of", &gather_newest_of, py::arg("out"), py::arg("lanes").noconvert())
      .def("gather", &gather, py::arg("lanes").noconvert(), py::arg("slots").noconvert(),
           py::arg("out"), py::arg("next_out") = py::none());

  py::class_<BoundWriter>(module, "LaneWriter", "The one writer of a lane.")
      .def("begin_segment", &begin_segment, py::arg("frame"))
      .def("resume_segment", [](BoundWriter& self) { self.writer.resume_segment(); })
      .def("append", &append, py::arg("frame"), py::arg("action"), py::arg("reward"),
           py::arg("terminated"), py::arg("truncated"))
      .def("add", &add, py::arg("obs"), py::arg("next_obs"), py::arg("action"), py::arg("reward"),
           py::arg("terminated"), py::arg("truncated"))
      .def(
          "write_chunk",
          [](BoundWriter& self, const py::object& chunk, bool continues) {
            return write_chunk(self.writer, ring::Layout(self.geometry), chunk, continues);
          },
          py::arg("chunk"), py::arg("continues"));
}

}  // namespace framering::bindings
