// Requests to worker processes and their completions, in one block of shared memory.
//
// Each worker has two doorbells. The parent writes its requests into the block's data and rings the
// first; the worker writes its results there and rings the second. A worker is busy while the first
// has been rung more often than the second. The callers define the layout of the data.
//
// A channel with lanes also passes tasks of single lanes, which finish in any order: see
// lane_tasks.hpp. A worker receives them by its first doorbell, and counts on its second what it
// has received, before it looks for its running lanes: a request that comes later is received
// later. A channel is used in one of both ways.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "system/doorbell.hpp"
#include "system/lane_tasks.hpp"
#include "system/mapping.hpp"

namespace framering::system {

class WorkerChannel {
 public:
  // Allocates zeroed memory for `workers` workers, `data_bytes` bytes of data, and the tasks of
  // `lanes` lanes. Throws what Mapping::shared_memory throws.
  WorkerChannel(std::size_t workers, std::size_t data_bytes, std::size_t lanes = 0);

  // Maps the channel of another process. Throws std::invalid_argument where the descriptor belongs
  // to something else.
  static WorkerChannel attach(int descriptor);

  [[nodiscard]] std::size_t workers() const { return workers_; }
  [[nodiscard]] int descriptor() const { return mapping_.descriptor(); }
  [[nodiscard]] std::span<std::byte> data() const;
  [[nodiscard]] LaneTasks tasks() const;

  // The parent's side. Like all functions that take a worker, request throws std::out_of_range for
  // a worker that does not exist.
  void request(std::size_t worker);
  void request_all();
  // Waits until no worker is busy. Returns the first worker that is still busy when its wait has
  // ended by the timeout or by a signal, else nothing. Spins only after a first worker has
  // completed, unless `spin_for_first` is set, which is useful where the waiting thread has a core
  // to itself.
  [[nodiscard]] std::optional<std::size_t> wait_all(std::chrono::microseconds spin,
                                                    std::chrono::microseconds timeout,
                                                    bool spin_for_first = false);
  // Cancels the request of a dead worker, so that its successor does not receive it.
  void cancel(std::size_t worker);

  // The worker's side. Waits for a request, and returns whether there is one.
  [[nodiscard]] bool wait_request(std::size_t worker, std::chrono::microseconds spin,
                                  std::chrono::microseconds timeout);
  void complete(std::size_t worker);
  // Waits for tasks of the lanes in [first, last), and returns the lanes that are running.
  [[nodiscard]] std::vector<std::size_t> wait_running(std::size_t worker, std::size_t first,
                                                      std::size_t last,
                                                      std::chrono::microseconds spin,
                                                      std::chrono::microseconds timeout);

 private:
  struct Header;
  WorkerChannel(std::size_t workers, std::size_t data_bytes, std::size_t lanes, Mapping mapping);
  [[nodiscard]] Doorbell& requests(std::size_t worker) const;
  [[nodiscard]] Doorbell& completions(std::size_t worker) const;

  std::size_t workers_;
  std::size_t data_bytes_;
  std::size_t lanes_;
  Mapping mapping_;
};

}  // namespace framering::system
