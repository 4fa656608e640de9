// Which steps ended at a time limit, according to infos.
#pragma once

#include <pybind11/numpy.h>

#include <span>

#include "bindings/numbers.hpp"
#include "ring/lane_writer.hpp"

namespace framering::bindings {

class TruncationReader {
 public:
  explicit TruncationReader(const NumberReader& numbers) : numbers_(&numbers) {}

  // Sets `truncated` of new steps from infos: a list or tuple of dicts that may have
  // TimeLimit.truncated, a dict of arrays (Gymnasium's), a bool array, or None. Returns false where
  // infos have another form; some steps may be set then. Throws ValueError for another number of
  // dicts. May run Python code: the truth value of an object in a dict.
  [[nodiscard]] bool read(const pybind11::object& infos, std::span<ring::Step> steps) const;

 private:
  [[nodiscard]] bool read_dicts(const pybind11::object& infos, std::span<ring::Step> steps) const;
  [[nodiscard]] bool read_arrays(const pybind11::object& infos, std::span<ring::Step> steps) const;

  const NumberReader* numbers_;
  // Members, as no static variable may be initialized by a call that can release the GIL: another
  // thread would wait for the initialization with the GIL, and the initialization for the GIL.
  pybind11::str key_{"TimeLimit.truncated"};
  pybind11::str mask_key_{"_TimeLimit.truncated"};
  pybind11::str final_key_{"final_info"};
};

}  // namespace framering::bindings
