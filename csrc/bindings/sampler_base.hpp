// What both samplers have: batches as NumPy arrays, windows, snapshots.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "bindings/result_arrays.hpp"
#include "ring/generator.hpp"
#include "ring/snapshot.hpp"
#include "ring/transition.hpp"
#include "ring/window.hpp"
#include "system/block_pool.hpp"

namespace framering::bindings {

// A frozen window, with the ring that it belongs to.
struct BoundWindow {
  std::shared_ptr<const ring::Ring> ring;
  ring::Window window;
};

// What a batch's arrays look like.
struct BatchFormat {
  pybind11::dtype obs_dtype;
  Shape obs_shape;  // the stack is in its first axis
  pybind11::dtype action_dtype;
};

// How the arrays are to be made.
struct BatchOptions {
  bool contiguous = false;             // next_observations must not overlap observations
  std::optional<pybind11::tuple> out;  // arrays to fill instead of new ones, as a batch's first six
};

// What both samplers have. A batch is (observations, actions, next_observations, dones, rewards,
// discounts, places); the last is int64 (B, 3): lane, arrival slot and steps taken. With n_step = 1
// the last two are None: they would say nothing that the others do not.
class SamplerBase {
 public:
  virtual ~SamplerBase() = default;
  SamplerBase(const SamplerBase&) = delete;
  SamplerBase& operator=(const SamplerBase&) = delete;
  SamplerBase(SamplerBase&&) = delete;
  SamplerBase& operator=(SamplerBase&&) = delete;

  // The batch of given places, int64 (B, 2) or (B, 3). Throws IndexError for one that is no
  // transition (any more).
  pybind11::tuple fetch(const pybind11::array& places, const BatchOptions& options);

  // The reward of each step of the transitions in such places, float64 (B, n_step); NaN beyond the
  // steps taken. Throws IndexError as fetch does.
  pybind11::array_t<double> step_rewards(const pybind11::array& places);

  BoundWindow window(std::uint64_t guard);
  [[nodiscard]] std::uint64_t least_transitions_seen();  // of all lanes, since the last forget
  void forget();

  // The buffer's contents with `extra`, written to a file descriptor, or as bytes. Throws OSError.
  void save(int descriptor, const pybind11::bytes& extra);
  pybind11::bytes dump(const pybind11::bytes& extra);

  // Fills the empty ring with a snapshot's contents. Its extra must begin with `format`. When all
  // has been checked and nothing been changed, `accept` is called with the extra and the number of
  // the window's slots; what it raises ends the load.
  void load(const pybind11::buffer& snapshot, const pybind11::bytes& format,
            const pybind11::function& accept);

  [[nodiscard]] ring::Generator::State generator_state();
  void set_generator_state(const ring::Generator::State& state);

 protected:
  using DrawAgain = std::function<ring::Transition(std::size_t)>;

  SamplerBase(std::shared_ptr<ring::Ring> ring, BatchFormat format, std::uint64_t seed);

  // Checks what all draws take; gives the window to draw from, null for what is there now.
  [[nodiscard]] const ring::Window* checked(pybind11::ssize_t batch_size,
                                            const BoundWindow* window) const;
  pybind11::tuple gather(std::vector<ring::Transition>& rows, const BatchOptions& options,
                         const DrawAgain& draw_again);
  [[nodiscard]] virtual ring::WindowFinder& windows() = 0;
  [[nodiscard]] virtual const ring::Returns& returns() const = 0;

  void write_snapshot(const pybind11::bytes& extra, const ring::Sink& sink);

  std::shared_ptr<ring::Ring> ring_;
  BatchFormat format_;
  ring::Generator generator_;
  std::mutex mutex_;  // around the core sampler and the generator

 private:
  system::BlockPool blocks_;  // for batches
};

}  // namespace framering::bindings
