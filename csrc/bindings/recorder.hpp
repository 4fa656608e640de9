// ReplayBuffer.add in one call: checks the arrays of all environments, then writes their lanes.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "ring/lane_writer.hpp"

namespace framering::bindings {

class Recorder {
 public:
  // `obs_shape` is that of one environment's observation; `actions` is (first, number) of a
  // Discrete action space, to check actions against.
  Recorder(std::shared_ptr<ring::Ring> ring, pybind11::dtype obs_dtype,
           const std::vector<pybind11::ssize_t>& obs_shape, pybind11::dtype action_dtype,
           std::optional<std::pair<std::int64_t, std::int64_t>> actions);

  // One transition a lane. The arrays must be C-contiguous and of the exact dtypes: obs and
  // next_obs (lanes, *obs_shape), action of the ring's bytes, reward (lanes,) float32 or float64,
  // done (lanes,) bool; `infos` is a sequence of dicts that may have TimeLimit.truncated, a bool
  // array of the same, or None. Where anything is otherwise it returns false and has done nothing:
  // the caller then converts. Throws ValueError for values that the buffer must not hold, before it
  // writes.
  bool add(const pybind11::object& obs, const pybind11::object& next_obs,
           const pybind11::object& action, const pybind11::object& reward,
           const pybind11::object& done, const pybind11::object& infos);

 private:
  void check_actions(const std::uint8_t* actions) const;

  std::shared_ptr<ring::Ring> ring_;
  std::vector<ring::LaneWriter> writers_;
  pybind11::dtype obs_dtype_;
  std::vector<pybind11::ssize_t> obs_shape_;  // with the lanes in front
  pybind11::dtype action_dtype_;
  std::optional<std::pair<std::int64_t, std::int64_t>> actions_;
  std::mutex mutex_;  // threads that add at once would be two writers of a lane
};

}  // namespace framering::bindings
