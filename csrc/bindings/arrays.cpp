#include "bindings/arrays.hpp"

#include <algorithm>

namespace py = pybind11;

namespace framering::bindings {

namespace {

std::string shape_text(const py::ssize_t* begin, const py::ssize_t* end) {
  std::string text = "(";
  for (const py::ssize_t* size = begin; size != end; ++size) {
    text += (size == begin ? "" : ", ") + std::to_string(*size);
  }
  return text + (end - begin == 1 ? ",)" : ")");
}

}  // namespace

bool has_dtype(const py::object& object, const py::dtype& dtype) {
  if (!py::isinstance<py::array>(object)) {
    return false;
  }
  // NumPy has one descriptor for each native dtype, so the pointers are usually equal.
  const auto* array = py::detail::array_proxy(object.ptr());
  return array->descr == dtype.ptr() ||
         py::reinterpret_borrow<py::dtype>(array->descr).equal(dtype);
}

bool has_shape(const py::array& array, std::span<const py::ssize_t> shape) {
  return std::equal(shape.begin(), shape.end(), array.shape(), array.shape() + array.ndim());
}

bool is_contiguous(const py::array& array) {
  return (static_cast<unsigned>(array.flags()) & static_cast<unsigned>(py::array::c_style)) != 0;
}

bool is_aligned(const py::array& array) {
  return (static_cast<unsigned>(array.flags()) &
          static_cast<unsigned>(py::detail::npy_api::NPY_ARRAY_ALIGNED_)) != 0;
}

NumberKind number_kind(const py::array& array) {
  return number_kind(
      py::reinterpret_borrow<py::dtype>(py::detail::array_proxy(array.ptr())->descr));
}

NumberKind number_kind(const py::dtype& dtype) {
  using Type = py::detail::npy_api::constants;
  // '=' or '|' for this machine's order.
  if (dtype.byteorder() == '<' || dtype.byteorder() == '>') {
    return NumberKind::kOther;
  }
  switch (dtype.num()) {
    case Type::NPY_BOOL_:
      return NumberKind::kBool;
    case Type::NPY_BYTE_:
      return NumberKind::kInt8;
    case Type::NPY_SHORT_:
      return NumberKind::kInt16;
    case Type::NPY_INT_:
      return NumberKind::kInt32;
    case Type::NPY_LONG_:
      return sizeof(long) == 8 ? NumberKind::kInt64 : NumberKind::kInt32;
    case Type::NPY_LONGLONG_:
      return NumberKind::kInt64;
    case Type::NPY_UBYTE_:
      return NumberKind::kUint8;
    case Type::NPY_USHORT_:
      return NumberKind::kUint16;
    case Type::NPY_UINT_:
      return NumberKind::kUint32;
    case Type::NPY_ULONG_:
      return sizeof(long) == 8 ? NumberKind::kUint64 : NumberKind::kUint32;
    case Type::NPY_ULONGLONG_:
      return NumberKind::kUint64;
    case Type::NPY_FLOAT_:
      return NumberKind::kFloat32;
    case Type::NPY_DOUBLE_:
      return NumberKind::kFloat64;
    default:
      return NumberKind::kOther;
  }
}

std::string shape_text(const py::array& array) {
  return shape_text(array.shape(), array.shape() + array.ndim());
}

std::string describe(const py::array& array) {
  return py::str(array.dtype()).cast<std::string>() + " " + shape_text(array);
}

void require_array(const py::array& array, const py::dtype& dtype, std::uint64_t elements,
                   const std::string& name, const std::string& expected) {
  if (!array.dtype().equal(dtype)) {
    throw py::type_error(name + ": expected " + expected + ", got " + describe(array));
  }
  if (static_cast<std::uint64_t>(array.size()) != elements) {
    throw py::value_error(name + ": expected " + expected + ", got " + describe(array));
  }
  require_contiguous(array, name);
}

const std::uint8_t* readable_bytes(const py::array& array, std::uint64_t bytes,
                                   const std::string& name, const std::string& expected) {
  require_array(array, py::dtype::of<std::uint8_t>(), bytes, name, expected);
  return static_cast<const std::uint8_t*>(array.data());
}

std::uint8_t* writable_bytes(py::array& array, std::uint64_t bytes, const std::string& name,
                             const std::string& expected) {
  require_array(array, py::dtype::of<std::uint8_t>(), bytes, name, expected);
  require_writable(array, name);
  return static_cast<std::uint8_t*>(array.mutable_data());
}

py::array require_ndarray(const py::object& object, const py::dtype& dtype, std::string_view name) {
  const auto expected = [&] {
    return std::string(name) + ": expected a " + py::str(dtype).cast<std::string>() +
           " array, got ";
  };
  if (!py::isinstance<py::array>(object)) {
    throw py::type_error(expected() + Py_TYPE(object.ptr())->tp_name + "; pass a NumPy array");
  }
  auto array = py::reinterpret_borrow<py::array>(object);
  if (!array.dtype().equal(dtype)) {
    throw py::type_error(expected() + describe(array) + "; convert it with .astype");
  }
  return array;
}

void require_contiguous(const py::array& array, std::string_view name) {
  if (!is_contiguous(array)) {
    throw py::value_error(std::string(name) + ": expected a C-contiguous array, got strides; " +
                          "np.ascontiguousarray makes one");
  }
}

void require_writable(const py::array& array, std::string_view name) {
  if (!array.writeable()) {
    throw py::value_error(std::string(name) +
                          ": expected a writable array, got a read-only one; pass a copy");
  }
}

void require_shape(const py::array& array, std::initializer_list<py::ssize_t> shape,
                   std::string_view name, std::string_view meaning) {
  if (!has_shape(array, {shape.begin(), shape.size()})) {
    throw py::value_error(std::string(name) + ": expected shape " +
                          shape_text(shape.begin(), shape.end()) + ", " + std::string(meaning) +
                          ", got " + shape_text(array));
  }
}

void require_no_overlap(const py::array& input, std::string_view input_name,
                        const py::array& output, std::string_view output_name) {
  const auto* input_begin = static_cast<const std::uint8_t*>(input.data());
  const auto* output_begin = static_cast<const std::uint8_t*>(output.data());
  if (input_begin < output_begin + output.nbytes() && output_begin < input_begin + input.nbytes()) {
    throw py::value_error(std::string(output_name) +
                          ": expected memory of its own, got an array that shares memory with " +
                          std::string(input_name) + "; pass another array");
  }
}

}  // namespace framering::bindings
