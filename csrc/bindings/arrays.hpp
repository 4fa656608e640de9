// Checks of array arguments before any of their bytes are used. Each raises an error of the form
// `name: expected X, got Y`.
#pragma once

#include <pybind11/numpy.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace framering::bindings {

// Checks that raise no error, for callers that convert an array that does not fit.
bool has_dtype(const pybind11::object& object, const pybind11::dtype& dtype);
bool has_shape(const pybind11::array& array, std::span<const pybind11::ssize_t> shape);
bool is_contiguous(const pybind11::array& array);  // in C's order
bool is_aligned(const pybind11::array& array);

// The type of an array's elements; kOther for no number, or another byte order.
enum class NumberKind : std::uint8_t {
  kBool,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kUint8,
  kUint16,
  kUint32,
  kUint64,
  kFloat32,
  kFloat64,
  kOther,
};
NumberKind number_kind(const pybind11::array& array);
NumberKind number_kind(const pybind11::dtype& dtype);

// Returns what visit.operator()<Number>() does for the C++ type of a kind; of kOther, a default
// value.
template <class Visit>
auto visit_number(NumberKind kind, const Visit& visit) {
  using Result = decltype(visit.template operator()<bool>());
  switch (kind) {
    case NumberKind::kBool:
      return visit.template operator()<bool>();
    case NumberKind::kInt8:
      return visit.template operator()<std::int8_t>();
    case NumberKind::kInt16:
      return visit.template operator()<std::int16_t>();
    case NumberKind::kInt32:
      return visit.template operator()<std::int32_t>();
    case NumberKind::kInt64:
      return visit.template operator()<std::int64_t>();
    case NumberKind::kUint8:
      return visit.template operator()<std::uint8_t>();
    case NumberKind::kUint16:
      return visit.template operator()<std::uint16_t>();
    case NumberKind::kUint32:
      return visit.template operator()<std::uint32_t>();
    case NumberKind::kUint64:
      return visit.template operator()<std::uint64_t>();
    case NumberKind::kFloat32:
      return visit.template operator()<float>();
    case NumberKind::kFloat64:
      return visit.template operator()<double>();
    case NumberKind::kOther:
      break;
  }
  return Result{};
}

// Whether a number's type is that of an integer dtype; bool is none.
template <class Number>
inline constexpr bool kIsInteger = std::is_integral_v<Number> && !std::is_same_v<Number, bool>;

// "uint8 (4, 84, 84)", for messages.
std::string describe(const pybind11::array& array);

// Throws TypeError for another dtype, ValueError for another number of elements, or an array that
// is not C-contiguous. The message contains `name` and `expected`.
void require_array(const pybind11::array& array, const pybind11::dtype& dtype,
                   std::uint64_t elements, const std::string& name, const std::string& expected);

// The checked bytes, to read or, where the array allows it (else ValueError), to write.
const std::uint8_t* readable_bytes(const pybind11::array& array, std::uint64_t bytes,
                                   const std::string& name, const std::string& expected);
std::uint8_t* writable_bytes(pybind11::array& array, std::uint64_t bytes, const std::string& name,
                             const std::string& expected);

// The shape as Python prints it: "(4, 84, 84)".
std::string shape_text(const pybind11::array& array);

// `object` as a NumPy array of this dtype. Throws TypeError for another object or dtype.
pybind11::array require_ndarray(const pybind11::object& object, const pybind11::dtype& dtype,
                                std::string_view name);

// Each throws ValueError. `meaning` describes the expected shape: "that of the resized image".
void require_contiguous(const pybind11::array& array, std::string_view name);
void require_writable(const pybind11::array& array, std::string_view name);
void require_shape(const pybind11::array& array, std::initializer_list<pybind11::ssize_t> shape,
                   std::string_view name, std::string_view meaning);

// Both arrays must be C-contiguous. An output that shares memory with an input would change it
// while it is read.
void require_no_overlap(const pybind11::array& input, std::string_view input_name,
                        const pybind11::array& output, std::string_view output_name);

}  // namespace framering::bindings
