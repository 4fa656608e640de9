#include "bindings/chunks.hpp"

#include <span>
#include <string>

#include "ring/chunk.hpp"
#include "ring/chunk_copier.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

// Bytes of any object that has some. Where others change them meanwhile, they are anything.
class BytesView {
 public:
  BytesView(const py::object& object, const char* name) {
    if (PyObject_GetBuffer(object.ptr(), &buffer_, PyBUF_SIMPLE) != 0) {
      PyErr_Clear();
      throw py::type_error(std::string(name) + ": expected contiguous bytes, got " +
                           Py_TYPE(object.ptr())->tp_name + "; pass bytes or a memoryview");
    }
  }
  BytesView(const BytesView&) = delete;
  BytesView& operator=(const BytesView&) = delete;
  BytesView(BytesView&&) = delete;
  BytesView& operator=(BytesView&&) = delete;
  ~BytesView() { PyBuffer_Release(&buffer_); }

  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {static_cast<const std::uint8_t*>(buffer_.buf), static_cast<std::size_t>(buffer_.len)};
  }

 private:
  Py_buffer buffer_{};
};

}  // namespace

std::uint64_t write_chunk(ring::LaneWriter& writer, const ring::Layout& layout,
                          const py::object& chunk, bool continues) {
  const BytesView view(chunk, "chunk");
  const py::gil_scoped_release nogil;
  return writer.write_chunk(ring::Chunk(view.bytes(), layout), continues);
}

py::bytes read_chunk(const ring::Ring& ring, std::uint64_t lane, std::uint64_t first,
                     std::uint64_t limit) {
  const auto copier = [&] {
    const py::gil_scoped_release nogil;
    return ring::ChunkCopier(ring, lane, first, limit);
  }();
  auto chunk = py::reinterpret_steal<py::bytes>(
      PyBytes_FromStringAndSize(nullptr, static_cast<py::ssize_t>(copier.bytes())));
  if (!chunk) {
    throw py::error_already_set();
  }
  auto* const out = reinterpret_cast<std::uint8_t*>(PyBytes_AS_STRING(chunk.ptr()));
  const py::gil_scoped_release nogil;
  copier.copy({out, copier.bytes()});
  return chunk;
}

}  // namespace framering::bindings
