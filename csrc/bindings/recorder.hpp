// ReplayBuffer.add in one call: checks the arrays of all environments, then writes their lanes.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

#include "bindings/action_range.hpp"
#include "bindings/integer_cast.hpp"
#include "bindings/numbers.hpp"
#include "bindings/truncations.hpp"
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

  // Adds one transition to each lane: C-contiguous obs and next_obs (lanes, *obs_shape) of the
  // exact dtype; actions of the exact dtype, or integers that fit it; as many rewards and dones (0
  // or 1) as lanes, as NumberReader reads them; infos as TruncationReader reads them. Returns false
  // and has done nothing if an argument has another form: the caller then converts. Throws
  // ValueError for values that the buffer must not hold, before it writes. Infos are read first:
  // their truth values run Python code, which may change everything that the caller has given,
  // arrays too.
  bool add(const pybind11::object& obs, const pybind11::object& next_obs,
           const pybind11::object& action, const pybind11::object& reward,
           const pybind11::object& done, const pybind11::object& infos);

 private:
  [[nodiscard]] const std::uint8_t* read_obs(const pybind11::object& obs) const;
  // In the array itself, or cast to the buffer's dtype in `cast`; null where neither can be.
  [[nodiscard]] const std::uint8_t* read_actions(const pybind11::object& action,
                                                 std::pmr::vector<std::uint8_t>& cast) const;

  std::shared_ptr<ring::Ring> ring_;
  std::vector<ring::LaneWriter> writers_;
  std::uint64_t obs_bytes_;  // of one lane, as action_bytes_
  std::uint64_t action_bytes_;
  pybind11::dtype obs_dtype_;
  std::vector<pybind11::ssize_t> obs_shape_;  // with the lanes in front
  pybind11::dtype action_dtype_;
  std::uint64_t action_elements_ = 0;  // of all lanes
  std::optional<ActionRange> actions_;
  IntegerCast action_cast_;
  NumberReader numbers_;
  TruncationReader truncations_{numbers_};

  // Two threads that add at the same time would be two writers of a lane. As with the mutex of
  // SamplerBase, it is taken with the GIL released, and no Python code runs while it is held.
  system::ForkSafeMutex mutex_;
};

}  // namespace framering::bindings
