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
    : cast_([&]() -> Cast {
        switch (number_kind(dtype)) {
          case NumberKind::kInt8:
            return cast<std::int8_t>;
          case NumberKind::kInt16:
            return cast<std::int16_t>;
          case NumberKind::kInt32:
            return cast<std::int32_t>;
          case NumberKind::kInt64:
            return cast<std::int64_t>;
          case NumberKind::kUint8:
            return cast<std::uint8_t>;
          case NumberKind::kUint16:
            return cast<std::uint16_t>;
          case NumberKind::kUint32:
            return cast<std::uint32_t>;
          case NumberKind::kUint64:
            return cast<std::uint64_t>;
          default:
            return nullptr;
        }
      }()) {}

}  // namespace framering::bindings
