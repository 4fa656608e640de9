// Requests to worker processes and their completions, in one block of shared memory.
//
// Each worker has two doorbells: the parent rings the one, having written its requests into the
// block's data; the worker rings the other, having written its results there. A worker is busy
// while the first was rung more often than the second. What the data mean is the callers' business.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "system/doorbell.hpp"
#include "system/mapping.hpp"

namespace framering::system {

class Exchange {
 public:
  // Zeroed memory for a number of workers (at least 1) and of bytes. Throws std::invalid_argument,
  // and what Mapping::shared_memory throws.
  Exchange(std::size_t workers, std::size_t data_bytes);

  // Another process's exchange, by its descriptor. Throws std::invalid_argument where that is none.
  static Exchange attach(int descriptor);

  [[nodiscard]] std::size_t workers() const { return workers_; }
  [[nodiscard]] int descriptor() const { return mapping_.descriptor(); }
  [[nodiscard]] std::span<std::byte> data() const;

  // The parent's side. Throws std::out_of_range for a worker that does not exist, as all do.
  void request(std::size_t worker);
  void request_all();
  // The first worker that is still busy after the timeout, or after a signal; none if all are done.
  // Spins for a worker only after another is done, or, where a core is free for it, eagerly.
  [[nodiscard]] std::optional<std::size_t> wait_all(std::chrono::microseconds spin,
                                                    std::chrono::microseconds timeout,
                                                    bool eager = false);
  // Takes a dead worker's request back; its successor will not see it.
  void withdraw(std::size_t worker);

  // The worker's side. Whether there is a request, after waiting for one.
  [[nodiscard]] bool wait_request(std::size_t worker, std::chrono::microseconds spin,
                                  std::chrono::microseconds timeout);
  void complete(std::size_t worker);

 private:
  struct Header;
  Exchange(std::size_t workers, std::size_t data_bytes, Mapping mapping);
  [[nodiscard]] Doorbell& requests(std::size_t worker) const;
  [[nodiscard]] Doorbell& completions(std::size_t worker) const;

  std::size_t workers_;
  std::size_t data_bytes_;
  Mapping mapping_;
};

}  // namespace framering::system
