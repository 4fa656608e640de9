#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/bound_writer.hpp"
#include "bindings/register.hpp"
#include "ring/gather.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using Counters = std::array<std::int64_t, 3>;

// The command and the results of one lane. The caller writes the command, its arguments and the
// flags, while the lane is not running; who executes the lane writes the results. Rows share no
// cache line, as their memory is aligned to one.
struct LaneRow {
  std::uint8_t command;
  bool running;
  bool ended;
  bool restarted;
  bool resets;
  std::int64_t action;
  std::uint64_t seed;
  std::uint64_t block_number;  // of the observations that it gathers into, from 1 on; 0 for none

  bool terminated;
  bool truncated;
  bool game_over;
  double reward;
  Counters counters;
  Counters final_counters;
  double game_return;
  std::int64_t game_frames;
  double game_seconds;
  std::int64_t state_bytes;
};
constexpr std::size_t kRowBytes = 128;
static_assert(sizeof(LaneRow) <= kRowBytes);

// As in shared_arrays.py.
constexpr std::uint8_t kStep = 1;
constexpr std::uint8_t kReset = 2;

using Lanes = py::array_t<std::int64_t, py::array::c_style>;
using Actions = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

// The rows of all lanes and blocks of their observations, in memory that Python owns.
class LaneTable {
 public:
  LaneTable(py::array memory, py::array observations)
      : memory_(std::move(memory)), observations_(std::move(observations)) {
    const auto bytes = static_cast<std::uint64_t>(memory_.nbytes());
    data_ = writable_bytes(memory_, bytes, "memory", "uint8");
    lanes_ = bytes / kRowBytes;
    if (lanes_ == 0 || bytes % kRowBytes != 0 ||
        reinterpret_cast<std::uintptr_t>(data_) % alignof(LaneRow) != 0) {
      throw py::value_error("memory: expected aligned rows of " + std::to_string(kRowBytes) +
                            " bytes, got " + describe(memory_));
    }
    if (observations_.ndim() < 2 || static_cast<std::size_t>(observations_.shape(1)) != lanes_) {
      throw py::value_error("observations: expected uint8 (blocks, " + std::to_string(lanes_) +
                            ", ...), got " + describe(observations_));
    }
    const auto observation_bytes = static_cast<std::uint64_t>(observations_.nbytes());
    blocks_ = static_cast<std::size_t>(observations_.shape(0));
    stack_bytes_ = blocks_ == 0 ? 0 : observation_bytes / blocks_ / lanes_;
    stacks_ = writable_bytes(observations_, observation_bytes, "observations", "uint8");
  }

  [[nodiscard]] LaneRow& row(std::int64_t lane) const {
    if (lane < 0 || static_cast<std::size_t>(lane) >= lanes_) {
      throw py::index_error("lane: expected less than " + std::to_string(lanes_) + ", got " +
                            std::to_string(lane));
    }
    return *reinterpret_cast<LaneRow*>(data_ + static_cast<std::size_t>(lane) * kRowBytes);
  }

  [[nodiscard]] std::size_t lanes() const { return lanes_; }

  [[nodiscard]] std::uint64_t block_number(std::optional<std::uint64_t> block) const {
    if (block && (*block >= blocks_ || stack_bytes_ == 0)) {
      throw py::index_error("block: expected less than " + std::to_string(blocks_) +
                            " and observations that are not empty, got " + std::to_string(*block));
    }
    return block ? *block + 1 : 0;
  }

  // Where the lane's observation belongs; nullptr for nowhere.
  [[nodiscard]] std::uint8_t* observation(std::int64_t lane, const BoundWriter& writer) const {
    const std::uint64_t number = row(lane).block_number;
    if (number == 0) {
      return nullptr;
    }
    if (writer.geometry.stack * writer.geometry.frame_bytes != stack_bytes_) {
      throw py::value_error("observations: expected stacks of " +
                            std::to_string(writer.geometry.stack * writer.geometry.frame_bytes) +
                            " bytes, got " + describe(observations_));
    }
    const auto index = static_cast<std::uint64_t>(lane);
    return stacks_ + ((number - 1) * lanes_ + index) * stack_bytes_;
  }

  // A view of one field of all rows: (lanes,), or (3, lanes) of counters.
  template <class Field>
  [[nodiscard]] py::array column(Field LaneRow::* field) const {
    constexpr auto stride = static_cast<py::ssize_t>(kRowBytes);
    const auto lanes = static_cast<py::ssize_t>(lanes_);
    if constexpr (std::is_same_v<Field, Counters>) {
      return py::array_t<std::int64_t>({py::ssize_t{3}, lanes}, {py::ssize_t{8}, stride},
                                       (row(0).*field).data(), memory_);
    } else {
      return py::array_t<Field>({lanes}, {stride}, &(row(0).*field), memory_);
    }
  }

 private:
  py::array memory_;
  py::array observations_;
  std::uint8_t* data_ = nullptr;
  std::uint8_t* stacks_ = nullptr;
  std::size_t lanes_ = 0;
  std::size_t blocks_ = 0;
  std::size_t stack_bytes_ = 0;
};

// The lanes, all of which exist.
std::span<const std::int64_t> values(const LaneTable& self, const Lanes& lanes) {
  if (lanes.ndim() != 1) {
    throw py::value_error("lanes: expected an int64 array (B,), got " + describe(lanes));
  }
  const std::span<const std::int64_t> indices(lanes.data(), static_cast<std::size_t>(lanes.size()));
  for (const std::int64_t lane : indices) {
    (void)self.row(lane);
  }
  return indices;
}

// Whether the lanes can take these actions as they are: int64 arrays (B,), different lanes that are
// not running, and actions below num_actions. If not, slower checks in Python find out why.
bool can_step(const LaneTable& self, const py::object& lanes, const py::object& actions,
              std::int64_t num_actions) {
  const auto dtype = py::dtype::of<std::int64_t>();
  if (!has_dtype(lanes, dtype) || !has_dtype(actions, dtype)) {
    return false;
  }
  const auto lane_array = py::reinterpret_borrow<py::array>(lanes);
  const auto action_array = py::reinterpret_borrow<py::array>(actions);
  if (lane_array.ndim() != 1 || action_array.ndim() != 1 || lane_array.size() == 0 ||
      lane_array.size() != action_array.size() || !is_contiguous(lane_array) ||
      !is_contiguous(action_array) || !is_aligned(lane_array) || !is_aligned(action_array)) {
    return false;
  }
  const auto number = static_cast<std::size_t>(lane_array.size());
  const auto in_range = [](std::int64_t value, std::int64_t end) {
    return value >= 0 && value < end;
  };
  std::vector<bool> seen(self.lanes(), false);
  for (const std::int64_t lane :
       std::span(static_cast<const std::int64_t*>(lane_array.data()), number)) {
    if (!in_range(lane, static_cast<std::int64_t>(self.lanes())) ||
        seen[static_cast<std::size_t>(lane)] || self.row(lane).running) {
      return false;
    }
    seen[static_cast<std::size_t>(lane)] = true;
  }
  return std::ranges::all_of(
      std::span(static_cast<const std::int64_t*>(action_array.data()), number),
      [&](std::int64_t action) { return in_range(action, num_actions); });
}

// Writes the command of each lane: a step, or a reset of one that has ended, if these are reset.
// Their observations are gathered into the block, if there is one.
void command_steps(const LaneTable& self, const Lanes& lanes, const Actions& actions,
                   bool reset_ended, std::optional<std::uint64_t> block) {
  const auto indices = values(self, lanes);
  if (actions.ndim() != 1 || actions.size() != lanes.size()) {
    throw py::value_error("actions: expected one for each lane, got " + shape_text(actions));
  }
  const std::uint64_t block_number = self.block_number(block);
  const std::int64_t* action = actions.data();
  for (const std::int64_t lane : indices) {
    LaneRow& row = self.row(lane);
    row.action = *action++;
    row.resets = reset_ended && row.ended;
    row.command = row.resets ? kReset : kStep;
    row.block_number = block_number;
    row.running = true;
  }
}

py::array_t<bool> all_true(py::ssize_t number) {
  py::array_t<bool> array(number);
  std::fill_n(array.mutable_data(), number, true);
  return array;
}

// The results of lanes that have finished, which are not running then and have no block. Restarted
// lanes are truncated, and unmarked.
py::tuple collect(const LaneTable& self, const Lanes& lanes) {
  const auto indices = values(self, lanes);
  const auto number = lanes.size();
  py::array_t<double> rewards(number);
  py::array_t<bool> terminations(number);
  py::array_t<bool> truncations(number);
  py::array_t<bool> restarts(number);
  py::array_t<bool> resets(number);
  std::array<py::array_t<std::int64_t>, 3> counters{py::array_t<std::int64_t>(number),
                                                    py::array_t<std::int64_t>(number),
                                                    py::array_t<std::int64_t>(number)};
  bool any_ended = false;
  bool any_restarted = false;
  bool any_game_over = false;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    LaneRow& row = self.row(indices[i]);
    rewards.mutable_data()[i] = row.reward;
    terminations.mutable_data()[i] = row.terminated && !row.restarted;
    truncations.mutable_data()[i] = row.truncated || row.restarted;
    restarts.mutable_data()[i] = row.restarted;
    resets.mutable_data()[i] = row.resets;
    for (std::size_t counter = 0; counter < counters.size(); ++counter) {
      counters.at(counter).mutable_data()[i] = row.counters.at(counter);
    }
    row.ended = row.terminated || row.truncated || row.restarted;
    any_ended = any_ended || row.ended;
    any_restarted = any_restarted || row.restarted;
    any_game_over = any_game_over || row.game_over;
    row.restarted = row.running = false;
    row.block_number = 0;
  }
  return py::make_tuple(std::move(rewards), std::move(terminations), std::move(truncations),
                        std::move(restarts), std::move(resets), std::move(counters[0]),
                        all_true(number), std::move(counters[1]), all_true(number),
                        std::move(counters[2]), all_true(number), any_ended, any_restarted,
                        any_game_over);
}

void gather(std::int64_t lane, const BoundWriter& writer, std::uint8_t* observation) {
  if (observation != nullptr) {
    ring::gather_newest(*writer.ring, static_cast<std::uint64_t>(lane), 1, observation);
  }
}

void gather_observation(const LaneTable& self, std::int64_t lane, const BoundWriter& writer) {
  std::uint8_t* const observation = self.observation(lane, writer);
  const py::gil_scoped_release nogil;
  gather(lane, writer, observation);
}

// The end of a step: the frame and the transition are appended, the observation is gathered, then
// the results are written.
void finish_step(const LaneTable& self, std::int64_t lane, BoundWriter& writer,
                 const py::array& frame, const py::object& action, double reward, bool terminated,
                 bool truncated, std::int64_t lives, std::int64_t frame_number,
                 std::int64_t episode_frame_number) {
  LaneRow& row = self.row(lane);
  const auto* to = writer.frame(frame);
  const ActionBytes bytes(action, writer.geometry.action_bytes);
  std::uint8_t* const observation = self.observation(lane, writer);
  const py::gil_scoped_release nogil;
  writer.writer.append(to, {bytes.data(), static_cast<float>(reward), terminated, truncated});
  gather(lane, writer, observation);
  row.reward = reward;
  row.terminated = terminated;
  row.truncated = truncated;
  row.game_over = false;
  row.counters = {lives, frame_number, episode_frame_number};
}

}  // namespace

void register_lane_table(py::module_& module) {
  py::class_<LaneTable> table(module, "LaneTable",
                              "Commands and results of all lanes, in memory of the caller.");
  table.def(py::init<py::array, py::array>(), py::arg("memory"), py::arg("observations"))
      .def(
          "command_of",
          [](const LaneTable& self, std::int64_t lane) {
            const LaneRow& row = self.row(lane);
            return py::make_tuple(row.command, row.action);
          },
          py::arg("lane"))
      .def("can_step", &can_step, py::arg("lanes"), py::arg("actions"), py::arg("num_actions"))
      .def("command_steps", &command_steps, py::arg("lanes").noconvert(), py::arg("actions"),
           py::arg("reset_ended"), py::arg("block") = py::none())
      .def("collect", &collect, py::arg("lanes").noconvert())
      .def("finish_step", &finish_step, py::arg("lane"), py::arg("writer"), py::arg("frame"),
           py::arg("action"), py::arg("reward"), py::arg("terminated"), py::arg("truncated"),
           py::arg("lives"), py::arg("frame_number"), py::arg("episode_frame_number"))
      .def("gather_observation", &gather_observation, py::arg("lane"), py::arg("writer"));
  table.attr("row_bytes") = kRowBytes;
  const auto column = [&table]<class Field>(const char* name, Field LaneRow::* field) {
    table.def_property_readonly(name,
                                [field](const LaneTable& self) { return self.column(field); });
  };
  column("command", &LaneRow::command);
  column("running", &LaneRow::running);
  column("ended", &LaneRow::ended);
  column("restarted", &LaneRow::restarted);
  column("resets", &LaneRow::resets);
  column("action", &LaneRow::action);
  column("seed", &LaneRow::seed);
  column("terminated", &LaneRow::terminated);
  column("truncated", &LaneRow::truncated);
  column("game_over", &LaneRow::game_over);
  column("reward", &LaneRow::reward);
  column("counters", &LaneRow::counters);
  column("final_counters", &LaneRow::final_counters);
  column("game_return", &LaneRow::game_return);
  column("game_frames", &LaneRow::game_frames);
  column("game_seconds", &LaneRow::game_seconds);
  column("state_bytes", &LaneRow::state_bytes);
}

}  // namespace framering::bindings
