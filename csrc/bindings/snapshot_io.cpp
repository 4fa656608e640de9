#include "bindings/snapshot_io.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ring/snapshot.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

std::span<const std::uint8_t> view_of(const py::bytes& bytes) {
  const std::string_view view = bytes;
  return {reinterpret_cast<const std::uint8_t*>(view.data()), view.size()};
}

[[noreturn]] void throw_errno() { throw std::system_error(errno, std::generic_category()); }

// Calls a function with the GIL released; its system errors become OSError.
template <class Function>
auto without_gil(Function function) {
  try {
    const py::gil_scoped_release nogil;
    return function();
  } catch (const std::system_error& error) {
    errno = error.code().value();
    PyErr_SetFromErrno(PyExc_OSError);
    throw py::error_already_set();
  }
}

void write_all(int descriptor, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      throw_errno();
    }
    bytes = bytes.subspan(static_cast<std::size_t>(std::max<ssize_t>(written, 0)));
  }
}

std::size_t read_some(int descriptor, std::span<std::uint8_t> out) {
  for (;;) {
    const auto number = ::read(descriptor, out.data(), out.size());
    if (number >= 0) {
      return static_cast<std::size_t>(number);
    }
    if (errno != EINTR) {
      throw_errno();
    }
  }
}

void write(SamplerBase& sampler, const py::bytes& extra, const ring::Sink& sink) {
  const auto view = view_of(extra);
  without_gil([&] {
    ring::Window window;
    std::vector<std::uint64_t> forgotten;
    {
      const std::lock_guard lock(sampler.mutex());
      sampler.windows().find(0, window);
      forgotten = sampler.windows().forgotten_ordinals();
    }
    ring::write_snapshot(sampler.ring(), window, forgotten, view, sink);
  });
}

// Two loads at once would both copy to the same slots.
class LoadingGuard {
 public:
  explicit LoadingGuard(std::atomic<bool>& loading) : loading_(loading) {
    if (loading_.exchange(true)) {
      throw std::logic_error("another thread is loading a snapshot into this buffer");
    }
  }
  LoadingGuard(const LoadingGuard&) = delete;
  LoadingGuard& operator=(const LoadingGuard&) = delete;
  LoadingGuard(LoadingGuard&&) = delete;
  LoadingGuard& operator=(LoadingGuard&&) = delete;
  ~LoadingGuard() { loading_ = false; }

 private:
  std::atomic<bool>& loading_;
};

void publish(SamplerBase& sampler, const ring::LoadedSnapshot& loaded) {
  std::vector<std::uint64_t> lows;
  std::vector<std::uint64_t> forgotten;
  for (const auto& lane : loaded.lanes) {
    lows.push_back(lane.low);
    forgotten.push_back(lane.forgotten_ordinal);
  }
  const std::lock_guard lock(sampler.mutex());
  ring::require_empty(sampler.ring());
  ring::publish_slots(sampler.ring(), loaded);
  sampler.windows().restore(std::move(lows), std::move(forgotten));
}

// Reading takes long, and `accept` is Python: neither is done under the sampler's mutex.
void load(SamplerBase& sampler, const ring::Source& source, const py::bytes& format,
          const py::function& accept) {
  const LoadingGuard guard(sampler.loading());
  const ring::Expected expected{.format = view_of(format),
                                .capacity = sampler.windows().capacity()};
  const auto loaded = without_gil([&] {
    ring::require_empty(sampler.ring());
    return ring::load_slots(sampler.shared_ring(), source, expected);
  });
  accept(py::bytes(reinterpret_cast<const char*>(loaded.extra.data()), loaded.extra.size()),
         loaded.window_slots());
  without_gil([&] { publish(sampler, loaded); });
}

}  // namespace

void save_snapshot(SamplerBase& sampler, int descriptor, const py::bytes& extra) {
  write(sampler, extra, [&](std::span<const std::uint8_t> bytes) { write_all(descriptor, bytes); });
}

py::bytes dump_snapshot(SamplerBase& sampler, const py::bytes& extra) {
  std::string all;
  write(sampler, extra, [&](std::span<const std::uint8_t> bytes) {
    all.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  });
  return all;
}

void load_snapshot(SamplerBase& sampler, int descriptor, const py::bytes& format,
                   const py::function& accept) {
  const auto size = without_gil([&] {
    struct stat status{};
    if (::fstat(descriptor, &status) != 0) {
      throw_errno();
    }
    return static_cast<std::uint64_t>(status.st_size);
  });
  load(sampler,
       {.size = size,
        .read = [&](std::span<std::uint8_t> out) { return read_some(descriptor, out); }},
       format, accept);
}

void load_snapshot_bytes(SamplerBase& sampler, const py::bytes& snapshot, const py::bytes& format,
                         const py::function& accept) {
  auto rest = view_of(snapshot);
  load(sampler,
       {.size = rest.size(),
        .read =
            [&](std::span<std::uint8_t> out) {
              const std::size_t number = std::min(out.size(), rest.size());
              std::copy_n(rest.begin(), number, out.begin());
              rest = rest.subspan(number);
              return number;
            }},
       format, accept);
}

}  // namespace framering::bindings
