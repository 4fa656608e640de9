#include "bindings/integer_cast.hpp"

#include <cstring>
#include <type_traits>
#include <utility>

namespace py = pybind11;

namespace framering::bindings {

namespace {

template <class Target>
bool cast(const NumberReader& numbers, const py::object& object, std::size_t number,
          std::uint8_t* out) {
  return numbers.read(object, number, [out](std::size_t index, auto value) {
    using Source = decltype(value);
    if constexpr (std::is_floating_point_v<Source>) {
      return false;
    } else {
      if constexpr (!std::is_same_v<Source, bool>) {
        if (!std::in_range<Target>(value)) {
          return false;
        }
      }
      // Of int8, the sign is meant.
      const auto target = static_cast<Target>(value);  // NOLINT(bugprone-signed-char-misuse)
      std::memcpy(out + index * sizeof(Target), &target, sizeof(Target));
      return true;
    }
  });
}

}  // namespace

IntegerCast::IntegerCast(const py::dtype& dtype)
    : cast_(visit_number(number_kind(dtype), []<class Number>() -> Cast {
        if constexpr (kIsInteger<Number>) {
          return cast<Number>;
        } else {
          return nullptr;
        }
      })) {}

}  // namespace framering::bindings
