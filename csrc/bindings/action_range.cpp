#include "bindings/action_range.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "bindings/arrays.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

template <class Integer>
Integer element(const std::uint8_t* bytes, std::uint64_t index) {
  Integer value{};
  std::memcpy(&value, bytes + index * sizeof(Integer), sizeof(Integer));
  return value;
}

template <class Integer>
void require_within(const std::uint8_t* limits, const std::uint8_t* actions, std::uint64_t number) {
  const auto lowest = element<Integer>(limits, 0);
  const auto highest = element<Integer>(limits, 1);
  for (std::uint64_t index = 0; index < number; ++index) {
    const auto action = element<Integer>(actions, index);
    if (action < lowest || action > highest) {
      throw py::value_error("action: expected " + std::to_string(lowest) + " to " +
                            std::to_string(highest) + ", got " + std::to_string(action) +
                            " for environment " + std::to_string(index));
    }
  }
}

using Require = void (*)(const std::uint8_t*, const std::uint8_t*, std::uint64_t);

// Null for a dtype that is no integer.
Require require_of(NumberKind kind) {
  return visit_number(kind, []<class Number>() -> Require {
    if constexpr (kIsInteger<Number>) {
      return require_within<Number>;
    } else {
      return nullptr;
    }
  });
}

}  // namespace

ActionRange::ActionRange(const py::dtype& dtype, const py::array& limits)
    : require_(require_of(number_kind(dtype))) {
  if (require_ == nullptr) {
    throw py::type_error(
        "action_dtype: expected a native integer dtype for a Discrete space, got " +
        std::string(py::str(dtype)));
  }
  require_array(limits, dtype, 2, "actions",
                "the lowest and the highest, " + std::string(py::str(dtype)) + " (2,)");
  std::copy_n(static_cast<const std::uint8_t*>(limits.data()), limits.nbytes(), limits_.begin());
}

}  // namespace framering::bindings
