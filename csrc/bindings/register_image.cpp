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
#include "system/cpu_features.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using frame::Palette;
using frame::Shape;

// The given output, checked, or where it is None a new array of that shape.
py::array output_for(const py::array& input, const char* input_name, const py::object& given,
                     std::initializer_list<py::ssize_t> shape, const char* because) {
  if (given.is_none()) {
    return py::array_t<std::uint8_t>(std::vector<py::ssize_t>(shape));
  }
  py::array output = writable_image(given, "out", shape, because);
  check_no_overlap(input, input_name, output, "out");
  return output;
}

py::array resize_area(const py::object& image_object, Size size, const py::object& out) {
  const py::array image = uint8_image(image_object, "image");
  if (image.ndim() != 2 && image.ndim() != 3) {
    throw py::value_error("image must be (height, width) or (height, width, channels), got " +
                          std::to_string(image.ndim()) + " dimensions");
  }
  const Size from{image.shape(0), image.shape(1)};
  const Shape from_shape = shape_of(from, "image's size");
  const Shape to_shape = shape_of(size, "size");
  check_shrinks(from, size, "size");
  const py::ssize_t channels = image.ndim() == 3 ? image.shape(2) : 1;
  if (channels < 1 || image.size() > std::numeric_limits<int>::max()) {
    throw py::value_error("image must have at least one channel and less than 2 GiB");
  }
  constexpr const char* because = "that of the resized image";
  py::array result =
      image.ndim() == 3
          ? output_for(image, "image", out, {size.first, size.second, channels}, because)
          : output_for(image, "image", out, {size.first, size.second}, because);
  const std::uint8_t* source = bytes_of(image);
  std::uint8_t* target = bytes_of(result);
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
    throw py::value_error("image must be RGB with shape (height, width, 3)");
  }
  py::array result = output_for(image, "image", out, {image.shape(0), image.shape(1)},
                                "the height and width of image");
  const std::uint8_t* source = bytes_of(image);
  std::uint8_t* target = bytes_of(result);
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
    throw py::value_error("screen must be palette indices with shape (height, width), got " +
                          std::to_string(screen.ndim()) + " dimensions");
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
  std::uint8_t* target = bytes_of(result);
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
  std::uint8_t* target = bytes_of(result);
  const auto pixel_count = static_cast<std::size_t>(screen.size());
  {
    const py::gil_scoped_release released;
    frame::palette_to_rgb(chosen, source, target, pixel_count);
  }
  return result;
}

// The rows of a batch may lie anywhere; each row's planes lie one behind another.
frame::Stacks stacks_of(const py::array_t<std::uint8_t>& array) {
  if (array.ndim() != 4) {
    throw py::value_error("stacks must be (rows, stack, height, width), got " + describe(array));
  }
  py::ssize_t inner = 1;
  for (py::ssize_t axis = 3; axis > 0; --axis) {
    if (array.size() > 0 && array.shape(axis) > 1 && array.strides(axis) != inner) {
      throw py::value_error("stacks: expected rows that are C-contiguous, got strides in them");
    }
    inner *= array.shape(axis);
  }
  if (array.strides(0) < 0) {
    throw py::value_error("stacks: expected rows in memory's order, got a negative stride");
  }
  return {.bytes = array.data(),
          .rows = static_cast<std::size_t>(array.shape(0)),
          .row_stride = static_cast<std::size_t>(array.strides(0)),
          .stack = static_cast<std::size_t>(array.shape(1)),
          .pixels = static_cast<std::size_t>(array.shape(2) * array.shape(3))};
}

void scale_stacks(const py::array_t<std::uint8_t>& array, py::array_t<float>& out) {
  const frame::Stacks stacks = stacks_of(array);
  const std::vector<py::ssize_t> shape{array.shape(0), array.shape(2), array.shape(3),
                                       array.shape(1)};
  if (!std::equal(shape.begin(), shape.end(), out.shape(), out.shape() + out.ndim()) ||
      (out.flags() & py::array::c_style) == 0 || !out.writeable()) {
    throw py::value_error(
        "out: expected a writable C-contiguous array (rows, height, width, stack) of the stacks', "
        "got " +
        describe(out));
  }
  float* target = out.mutable_data();
  const py::gil_scoped_release released;
  frame::scale_stacks(stacks, target, system::cpu_path());
}

}  // namespace

void register_image(py::module_& module) {
  using namespace py::literals;  // NOLINT(google-build-using-namespace): the argument names' _a

  module.def("resize_area", &resize_area, "image"_a, "size"_a, "out"_a = py::none(),
             R"(Shrink an image by averaging areas, bit for bit as ``cv2.INTER_AREA``.

Parameters
----------
image : numpy.ndarray
    uint8, C-contiguous, of shape (height, width) or (height, width, channels) with any number of
    channels.
size : tuple[int, int]
    The result's height and width, in pixels, as in an array's shape (cv2 takes the width first).
    Each is at least 1 and at most the image's.
out : numpy.ndarray, optional
    uint8, C-contiguous and writable, of the result's shape, sharing no memory with `image`. It is
    filled and returned; without it a new array is made.

Returns
-------
numpy.ndarray
    uint8 of shape (\*size) or (\*size, channels). A last axis of one channel is kept; cv2 drops it.

Raises
------
TypeError
    If `image` or `out` is no uint8 array.
ValueError
    If a size is not a shrink on both axes, or an array has the wrong shape, is not contiguous, or
    (`out`) is read-only or overlaps `image`.

Notes
-----
The weights are OpenCV's ``INTER_AREA`` (imgproc, ``resize.cpp``), and so is every rounding. Sums are
taken in integers and only results near a half are done again in OpenCV's order of float operations.
The GIL is released. Calls that repeat the sizes of the thread's last call reuse its plan.

Examples
--------
>>> import numpy as np
>>> from framering import resize_area
>>> resize_area(np.full((210, 160), 7, np.uint8), (84, 84)).shape
(84, 84)
)");

  module.def("rgb_to_gray", &rgb_to_gray, "image"_a, "out"_a = py::none(),
             "uint8 (height, width, 3) to (height, width), bit for bit as cv2.COLOR_RGB2GRAY.");
  module.def("palette_to_gray", &palette_to_gray, "screen"_a, "out"_a = py::none(),
             "palette"_a = "ntsc",
             "ALE's getScreen, uint8 (height, width), to its getScreenGrayscale. The palette is "
             "'ntsc' or 'pal'.");
  module.def("palette_to_rgb", &palette_to_rgb, "screen"_a, "out"_a = py::none(),
             "palette"_a = "ntsc",
             "ALE's getScreen, uint8 (height, width), to its getScreenRGB, (height, width, 3). The "
             "palette is 'ntsc' or 'pal'.");
  module.def("scale_stacks", &scale_stacks, "stacks"_a.noconvert(), "out"_a.noconvert(),
             "Fill out, float32 (rows, height, width, stack), with stacks / 255: uint8 (rows, "
             "stack, height, width), whose rows may lie anywhere.");
}

}  // namespace framering::bindings
