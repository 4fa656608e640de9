#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "bindings/arrays.hpp"
#include "bindings/image_argument.hpp"
#include "bindings/register.hpp"
#include "frame/colour_conversion.hpp"
#include "frame/resize_area.hpp"
#include "frame/scale_stacks.hpp"
#include "frame/shift_stacks.hpp"
#include "system/cpu_features.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using frame::Palette;
using frame::Shape;

const std::uint8_t* bytes_of(const py::array& array) {
  return static_cast<const std::uint8_t*>(array.data());
}

std::uint8_t* writable_bytes_of(py::array& array) {
  return static_cast<std::uint8_t*>(array.mutable_data());
}

// The given output after its checks, or a new array of that shape if it is None.
py::array output_for(const py::array& input, const char* input_name, const py::object& given,
                     std::initializer_list<py::ssize_t> shape, const char* meaning) {
  if (given.is_none()) {
    return py::array_t<std::uint8_t>(std::vector<py::ssize_t>(shape));
  }
  py::array output = writable_image(given, "out", shape, meaning);
  require_no_overlap(input, input_name, output, "out");
  return output;
}

py::array resize_area(const py::object& image_object, Size size, const py::object& out) {
  const py::array image = uint8_image(image_object, "image");
  if (image.ndim() != 2 && image.ndim() != 3) {
    throw py::value_error(
        "image: expected shape (height, width) or (height, width, channels), got " +
        shape_text(image));
  }
  const Size from{image.shape(0), image.shape(1)};
  const Shape from_shape = shape_of(from, "image's size");
  const Shape to_shape = shape_of(size, "size");
  require_shrink(from, size, "size");
  const py::ssize_t channels = image.ndim() == 3 ? image.shape(2) : 1;
  if (channels < 1 || image.size() > std::numeric_limits<int>::max()) {
    throw py::value_error("image: expected at least one channel and less than 2 GiB, got shape " +
                          shape_text(image));
  }
  constexpr const char* meaning = "that of the resized image";
  py::array result =
      image.ndim() == 3
          ? output_for(image, "image", out, {size.first, size.second, channels}, meaning)
          : output_for(image, "image", out, {size.first, size.second}, meaning);
  const std::uint8_t* source = bytes_of(image);
  std::uint8_t* target = writable_bytes_of(result);
  {
    const py::gil_scoped_release released;
    frame::resize_area(source, from_shape, static_cast<std::size_t>(channels), target, to_shape,
                       system::cpu_path());
  }
  return result;
}

py::array rgb_to_gray(const py::object& image_object, const py::object& out) {
  const py::array image = uint8_image(image_object, "image");
  if (image.ndim() != 3 || image.shape(2) != 3) {
    throw py::value_error("image: expected RGB of shape (height, width, 3), got " +
                          shape_text(image));
  }
  py::array result = output_for(image, "image", out, {image.shape(0), image.shape(1)},
                                "the height and width of image");
  const std::uint8_t* source = bytes_of(image);
  std::uint8_t* target = writable_bytes_of(result);
  const auto pixel_count = static_cast<std::size_t>(result.size());
  {
    const py::gil_scoped_release released;
    frame::rgb_to_gray(source, target, pixel_count, system::cpu_path());
  }
  return result;
}

py::array palette_screen(const py::object& object) {
  py::array screen = uint8_image(object, "screen");
  if (screen.ndim() != 2) {
    throw py::value_error("screen: expected palette indices of shape (height, width), got " +
                          shape_text(screen));
  }
  return screen;
}

py::array palette_to_gray(const py::object& screen_object, const py::object& out,
                          const std::string& palette) {
  const Palette chosen = palette_named(palette);
  const py::array screen = palette_screen(screen_object);
  py::array result =
      output_for(screen, "screen", out, {screen.shape(0), screen.shape(1)}, "that of the screen");
  const std::uint8_t* source = bytes_of(screen);
  std::uint8_t* target = writable_bytes_of(result);
  const auto pixel_count = static_cast<std::size_t>(screen.size());
  {
    const py::gil_scoped_release released;
    frame::palette_to_gray(chosen, source, target, pixel_count, system::cpu_path());
  }
  return result;
}

py::array palette_to_rgb(const py::object& screen_object, const py::object& out,
                         const std::string& palette) {
  const Palette chosen = palette_named(palette);
  const py::array screen = palette_screen(screen_object);
  py::array result = output_for(screen, "screen", out, {screen.shape(0), screen.shape(1), 3},
                                "the screen's with three channels");
  const std::uint8_t* source = bytes_of(screen);
  std::uint8_t* target = writable_bytes_of(result);
  const auto pixel_count = static_cast<std::size_t>(screen.size());
  {
    const py::gil_scoped_release released;
    frame::palette_to_rgb(chosen, source, target, pixel_count);
  }
  return result;
}

// The rows of a batch may be any distance apart; each row must be C-contiguous.
frame::Stacks stacks_of(const py::array& array) {
  if (array.ndim() != 4) {
    throw py::value_error("stacks: expected shape (rows, stack, height, width), got " +
                          shape_text(array));
  }
  py::ssize_t inner = 1;
  for (py::ssize_t axis = 3; axis > 0; --axis) {
    if (array.size() > 0 && array.shape(axis) > 1 && array.strides(axis) != inner) {
      throw py::value_error(
          "stacks: expected rows that are C-contiguous, got strides in them; "
          "np.ascontiguousarray removes them");
    }
    inner *= array.shape(axis);
  }
  if (array.strides(0) < 0) {
    throw py::value_error(
        "stacks: expected rows in the order of memory, got a negative stride; "
        "np.ascontiguousarray reorders them");
  }
  return {.bytes = bytes_of(array),
          .rows = static_cast<std::size_t>(array.shape(0)),
          .row_stride = static_cast<std::size_t>(array.strides(0)),
          .stack = static_cast<std::size_t>(array.shape(1)),
          .pixels = static_cast<std::size_t>(array.shape(2) * array.shape(3))};
}

void scale_stacks(const py::object& stacks_object, const py::object& out_object) {
  const py::array array = require_ndarray(stacks_object, py::dtype::of<std::uint8_t>(), "stacks");
  const frame::Stacks stacks = stacks_of(array);
  py::array out = require_ndarray(out_object, py::dtype::of<float>(), "out");
  require_shape(out, {array.shape(0), array.shape(2), array.shape(3), array.shape(1)}, "out",
                "(rows, height, width, stack) of the stacks");
  require_contiguous(out, "out");
  require_writable(out, "out");
  auto* target = static_cast<float*>(out.mutable_data());
  const py::gil_scoped_release released;
  frame::scale_stacks(stacks, target, system::cpu_path());
}

void shift_stacks(const py::object& stacks_object, const py::object& shifts_object,
                  const py::object& out_object) {
  const py::array array = require_ndarray(stacks_object, py::dtype::of<std::uint8_t>(), "stacks");
  const frame::Stacks stacks = stacks_of(array);
  const py::array shifts = require_ndarray(shifts_object, py::dtype::of<std::int64_t>(), "shifts");
  require_shape(shifts, {array.shape(0), 2}, "shifts", "(rows, 2) of the stacks");
  require_contiguous(shifts, "shifts");
  py::array out = require_ndarray(out_object, py::dtype::of<std::uint8_t>(), "out");
  require_shape(out, {array.shape(0), array.shape(1), array.shape(2), array.shape(3)}, "out",
                "that of the stacks");
  require_contiguous(out, "out");
  require_writable(out, "out");
  require_no_overlap(array, "stacks", out, "out");
  const auto* numbers = static_cast<const std::int64_t*>(shifts.data());
  std::uint8_t* target = writable_bytes_of(out);
  const auto width = static_cast<std::size_t>(array.shape(3));
  const py::gil_scoped_release released;
  frame::shift_stacks(stacks, width, numbers, target);
}

}  // namespace

void register_image(py::module_& module) {
  using namespace py::literals;  // NOLINT(google-build-using-namespace): the argument names' _a

  module.def(
      "resize_area", &resize_area, "image"_a, "size"_a, "out"_a = py::none(),
      R"(Resize an image to a smaller size by area interpolation, bit for bit as ``cv2.INTER_AREA``.

Parameters
----------
image : numpy.ndarray
    uint8, C-contiguous, of shape (height, width) or (height, width, channels) with any number of
    channels.
size : tuple[int, int]
    Height and width of the result in pixels, in the order of an array's shape (cv2 takes the width
    first). Each is at least 1 and at most the image's.
out : numpy.ndarray, optional
    uint8, C-contiguous and writable, of the result's shape, sharing no memory with `image`. The
    result is written to it, and it is returned. By default a new array is made.

Returns
-------
numpy.ndarray
    uint8 of shape (\*size) or (\*size, channels). A last axis of one channel is kept; cv2 drops it.

Raises
------
TypeError
    If `image` or `out` is not a uint8 array.
ValueError
    If an axis of `size` is longer than the image's, an array has a wrong shape or is not contiguous,
    or `out` is read-only or shares memory with `image`.

Notes
-----
The weights and every rounding are those of OpenCV's ``INTER_AREA`` (imgproc, ``resize.cpp``). Sums
are computed in integers; only results near a half are computed again, in OpenCV's order of float
operations. The GIL is released. A call with the sizes of the thread's last call reuses its plan.

Examples
--------
>>> import numpy as np
>>> from framering import resize_area
>>> resize_area(np.full((210, 160), 7, np.uint8), (84, 84)).shape
(84, 84)
)");

  module.def("rgb_to_gray", &rgb_to_gray, "image"_a, "out"_a = py::none(),
             "Convert uint8 (height, width, 3) to (height, width), bit for bit as "
             "cv2.COLOR_RGB2GRAY.");
  module.def("palette_to_gray", &palette_to_gray, "screen"_a, "out"_a = py::none(),
             "palette"_a = "ntsc",
             "Convert the result of ALE's getScreen, uint8 (height, width), to that of its "
             "getScreenGrayscale. The palette is 'ntsc' or 'pal'.");
  module.def("palette_to_rgb", &palette_to_rgb, "screen"_a, "out"_a = py::none(),
             "palette"_a = "ntsc",
             "Convert the result of ALE's getScreen, uint8 (height, width), to that of its "
             "getScreenRGB, (height, width, 3). The palette is 'ntsc' or 'pal'.");
  module.def(
      "scale_stacks", &scale_stacks, "stacks"_a, "out"_a,
      "Write stacks / 255 to out, float32 (rows, height, width, stack). stacks is uint8 (rows, "
      "stack, height, width); its rows may be any distance apart.");
  module.def(
      "shift_stacks", &shift_stacks, "stacks"_a, "shifts"_a, "out"_a,
      "Write stacks to out with the image of each row shifted: its pixel (y, x) is the one at (y + "
      "shifts[row, 0], x + shifts[row, 1]), or the nearest of the edge where that lies outside. "
      "stacks and out are uint8 (rows, stack, height, width), shifts is int64 (rows, 2).");
}

}  // namespace framering::bindings
