// Shared by the uniform and the prioritized sampler: batches as NumPy arrays, windows.
#pragma once

#include <pybind11/numpy.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "bindings/batch.hpp"
#include "bindings/result_arrays.hpp"
#include "ring/generator.hpp"
#include "ring/transition.hpp"
#include "ring/window.hpp"
#include "system/block_pool.hpp"
#include "system/fork_safe_mutex.hpp"

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

// Shared by the uniform and the prioritized sampler.
class SamplerBase {
 public:
  virtual ~SamplerBase() = default;
  SamplerBase(const SamplerBase&) = delete;
  SamplerBase& operator=(const SamplerBase&) = delete;
  SamplerBase(SamplerBase&&) = delete;
  SamplerBase& operator=(SamplerBase&&) = delete;

  // The batch of given slot indices, int64 (B, 2) or (B, 3). Throws IndexError for a slot that
  // is no transition or has been overwritten.
  pybind11::object fetch(const pybind11::array& slot_indices, const BatchOptions& options);

  // The reward of each step of the transitions of such slot indices, float64 (B, n_step); NaN
  // beyond the steps taken. Throws IndexError as fetch does.
  pybind11::array_t<double> step_rewards(const pybind11::array& slot_indices);

  // The steps of transitions, int64 (B, 2): lane and number since the last forget. A dict of arrays
  // with B rows: slots, actions, rewards, terminated and truncated; a row that is not in the buffer
  // has slot −1 and zeros. The rewards are of one step. Throws IndexError as fetch does.
  pybind11::dict steps(const pybind11::array& numbers);

  BoundWindow window(std::uint64_t guard);
  [[nodiscard]] std::uint64_t least_transitions_seen();  // of all lanes, since the last forget
  void forget();

  [[nodiscard]] ring::Generator::State generator_state();
  void set_generator_state(const ring::Generator::State& state);

  // For snapshots. The windows are used with the mutex held.
  [[nodiscard]] const ring::Ring& ring() const { return *ring_; }
  [[nodiscard]] std::shared_ptr<const ring::Ring> shared_ring() const { return ring_; }
  [[nodiscard]] virtual ring::WindowFinder& windows() = 0;
  [[nodiscard]] system::ForkSafeMutex& mutex() { return mutex_; }
  [[nodiscard]] std::atomic<bool>& loading() { return loading_; }

 protected:
  using DrawAgain = std::function<ring::Transition(std::size_t)>;

  SamplerBase(std::shared_ptr<ring::Ring> ring, BatchFormat format, std::uint64_t seed);

  // Checks the arguments of all draws; returns the window to draw from, null for the present one.
  [[nodiscard]] const ring::Window* checked(pybind11::ssize_t batch_size,
                                            const BoundWindow* window) const;
  Batch gather(std::vector<ring::Transition>& rows, const BatchOptions& options,
               const DrawAgain& draw_again);
  [[nodiscard]] virtual const ring::NStepParams& n_step_params() const = 0;

  // Slots of transitions by lane and number since the last forget; nullopt for one that is not in
  // the buffer. Fastest where a lane's numbers ascend.
  std::vector<std::optional<ring::SlotIndex>> find_transitions(
      const std::vector<ring::SlotIndex>& numbers);

  std::shared_ptr<ring::Ring> ring_;
  BatchFormat format_;
  ring::Generator generator_;

  // Calls a function with the mutex held and the GIL released.
  template <class Function>
  auto locked(Function function) {
    const pybind11::gil_scoped_release nogil;
    const std::lock_guard lock(mutex_);
    return function();
  }

  // Protects the core sampler and the generator. The rule for every mutex of the bindings: it is
  // taken with the GIL released, and a thread that holds it neither calls Python nor waits for the
  // GIL. Otherwise a thread that has the mutex and wants the GIL could meet one that has the GIL
  // and wants the mutex. ForkSafeMutex relies on the rule, too.
  system::ForkSafeMutex mutex_;

 private:
  std::atomic<bool> loading_ = false;
  system::BlockPool blocks_;  // for batches
};

}  // namespace framering::bindings
