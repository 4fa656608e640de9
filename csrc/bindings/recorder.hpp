// ReplayBuffer.add in one call: checks the arrays of all environments, then writes their lanes.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "bindings/action_range.hpp"
#include "ring/lane_writer.hpp"
#include "system/fork_safe_mutex.hpp"

namespace framering::bindings {

class Recorder {
 public:
  // `obs_shape` is that of one environment's observation; `actions` holds the lowest and the
  // highest action of a Discrete action space, to check actions against.
  Recorder(std::shared_ptr<ring::Ring> ring, pybind11::dtype obs_dtype,
           const std::vector<pybind11::ssize_t>& obs_shape, pybind11::dtype action_dtype,
           const std::optional<pybind11::array>& actions);

  // One transition a lane. The arrays must be C-contiguous and of the exact dtypes: obs and
  // next_obs (lanes, *obs_shape), action of the ring's bytes, reward (lanes,) float32 or float64,
  // done (lanes,) bool; `infos` is a sequence of dicts that may have TimeLimit.truncated, a bool
  // array of the same, or None. Where anything is otherwise it returns false and has done nothing:
  // the caller then converts. Throws ValueError for values that the buffer must not hold, before it
  // writes. Infos are read first: their truth values run Python code, which may change everything
  // that the caller has given, arrays too.
  bool add(const pybind11::object& obs, const pybind11::object& next_obs,
           const pybind11::object& action, const pybind11::object& reward,
           const pybind11::object& done, const pybind11::object& infos);

 private:
  std::shared_ptr<ring::Ring> ring_;
  std::vector<ring::LaneWriter> writers_;
  pybind11::dtype obs_dtype_;
  std::vector<pybind11::ssize_t> obs_shape_;  // with the lanes in front
  pybind11::dtype action_dtype_;
  std::optional<ActionRange> actions_;
  // Members, as no static variable may be initialized by a call that can release the GIL: another
  // thread would wait for the initialization with the GIL, and the initialization for the GIL.
  pybind11::dtype bool_dtype_ = pybind11::dtype::of<bool>();
  pybind11::str timeout_key_{"TimeLimit.truncated"};

  // Threads that add at once would be two writers of a lane. Taken as the mutex of SamplerBase is:
  // with the GIL released, and without a call of Python while it is held.
  system::ForkSafeMutex mutex_;
};

}  // namespace framering::bindings
