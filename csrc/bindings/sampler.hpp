// Sampling into NumPy arrays.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ring/prioritized_sampler.hpp"
#include "ring/snapshot.hpp"
#include "ring/uniform_sampler.hpp"

namespace framering::bindings {

// A frozen window, with the ring that it belongs to.
struct BoundWindow {
  std::shared_ptr<const ring::Ring> ring;
  ring::Window window;
};

// What a batch's arrays look like.
struct BatchFormat {
  pybind11::dtype obs_dtype;
  std::vector<pybind11::ssize_t> obs_shape;  // the stack is in its first axis
  pybind11::dtype action_dtype;
};

// How the arrays are to be made.
struct BatchOptions {
  bool contiguous = false;             // next_observations must not overlap observations
  std::optional<pybind11::tuple> out;  // arrays to fill instead of new ones, as a batch's first six
};

// What both samplers have. A batch is (observations, actions, next_observations, dones, rewards,
// discounts, places); the last is int64 (B, 3): lane, arrival slot and steps taken.
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

  // Fills the empty ring with a snapshot's contents, and gives its extra, which must begin with
  // `format`.
  pybind11::bytes load(const pybind11::buffer& snapshot, const pybind11::bytes& format);

  [[nodiscard]] ring::Generator::State generator_state();
  void set_generator_state(const ring::Generator::State& state);

 protected:
  using DrawAgain = std::function<ring::Transition(std::size_t)>;

  SamplerBase(std::shared_ptr<ring::Ring> ring, BatchFormat format, std::uint64_t seed);

  // Checks what all draws take; gives the window to draw from, null for what is there now.
  [[nodiscard]] const ring::Window* checked(pybind11::ssize_t batch_size,
                                            const BoundWindow* window) const;
  pybind11::tuple gather(std::vector<ring::Transition>& rows, const BatchOptions& options,
                         const DrawAgain& draw_again) const;
  [[nodiscard]] virtual ring::WindowFinder& windows() = 0;
  [[nodiscard]] virtual const ring::Returns& returns() const = 0;

  void write_snapshot(const pybind11::bytes& extra, const ring::Sink& sink);

  std::shared_ptr<ring::Ring> ring_;
  BatchFormat format_;
  ring::Generator generator_;
  std::mutex mutex_;  // around the core sampler and the generator
};

class Sampler final : public SamplerBase {
 public:
  Sampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format, std::uint64_t capacity,
          const ring::Returns& returns, std::uint64_t seed);

  // A `seed` in [0, 1) takes the place of the sampler's own generator.
  pybind11::tuple sample(pybind11::ssize_t batch_size, std::optional<double> seed,
                         const BoundWindow* window, const BatchOptions& options);

 private:
  ring::WindowFinder& windows() override { return sampler_.windows(); }
  [[nodiscard]] const ring::Returns& returns() const override { return sampler_.returns(); }

  ring::UniformSampler sampler_;
};

class PrioritizedSampler final : public SamplerBase {
 public:
  PrioritizedSampler(const std::shared_ptr<ring::Ring>& ring, BatchFormat format,
                     std::uint64_t capacity, const ring::Returns& returns, std::uint64_t seed,
                     double alpha);

  // The batch, the weights float32 (B, 1), and the indices int64 (B,): slot · lanes + lane.
  pybind11::tuple sample(pybind11::ssize_t batch_size, std::optional<double> seed,
                         const BoundWindow* window, const BatchOptions& options, double beta);

  // Priorities float32 or float64 (B,) of indices as sample gives them, to each of which epsilon is
  // added. Throws ValueError for one that is negative or not finite, and IndexError for an index
  // that was never sampled from; then nothing has changed.
  void update(const pybind11::array& indices, const pybind11::array& priorities, double epsilon);

  // float32 (slots of the window,), and the highest priority so far; for snapshots.
  [[nodiscard]] std::pair<pybind11::array_t<float>, float> priorities();
  void restore(const pybind11::array& priorities, float highest);

  [[nodiscard]] double alpha();
  void set_alpha(double alpha);

 private:
  ring::WindowFinder& windows() override { return sampler_.windows(); }
  [[nodiscard]] const ring::Returns& returns() const override { return sampler_.returns(); }

  ring::PrioritizedSampler sampler_;
};

}  // namespace framering::bindings
