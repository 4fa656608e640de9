#include <string>

#include "bindings/image_argument.hpp"
#include "bindings/register.hpp"
#include "frame/atari_preprocessor.hpp"
#include "system/cpu_features.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using frame::Order;
using frame::PreprocessOptions;
using frame::Shape;

Order order_named(const std::string& name) {
  if (name == "gymnasium") {
    return Order::gymnasium;
  }
  if (name == "sb3") {
    return Order::sb3;
  }
  if (name == "cleanrl") {
    return Order::cleanrl;
  }
  throw py::value_error("order must be 'gymnasium', 'sb3' or 'cleanrl', got '" + name + "'");
}

PreprocessOptions preprocess_options(Size screen_shape, Size output_shape, const std::string& order,
                                     const std::string& palette, bool grayscale) {
  PreprocessOptions options;
  options.screen = shape_of(screen_shape, "screen_shape");
  options.output = shape_of(output_shape, "output_shape");
  check_shrinks(screen_shape, output_shape, "output_shape");
  options.order = order_named(order);
  options.palette = palette_named(palette);
  options.grayscale = grayscale;
  return options;
}

py::array screen_of_shape(const py::object& object, const char* name, Shape shape) {
  py::array screen = uint8_image(object, name);
  if (screen.ndim() != 2 || screen.shape(0) != shape.height || screen.shape(1) != shape.width) {
    throw py::value_error(std::string(name) + " must be palette indices with screen_shape " +
                          size_text({shape.height, shape.width}) + ", got shape " +
                          py::str(object.attr("shape")).cast<std::string>());
  }
  return screen;
}

void process(frame::AtariPreprocessor& preprocessor, const py::object& last_object,
             const py::object& previous_object, const py::object& out_object) {
  const PreprocessOptions& options = preprocessor.options();
  const Shape shape = options.output;
  constexpr const char* because = "that of the preprocessor's output";
  py::array out = options.grayscale
                      ? writable_image(out_object, "out", {shape.height, shape.width}, because)
                      : writable_image(out_object, "out", {shape.height, shape.width, 3}, because);
  const py::array last = screen_of_shape(last_object, "last", options.screen);
  check_no_overlap(last, "last", out, "out");
  const std::uint8_t* last_screen = bytes_of(last);
  const std::uint8_t* previous_screen = nullptr;
  if (!previous_object.is_none()) {
    const py::array previous = screen_of_shape(previous_object, "previous", options.screen);
    check_no_overlap(previous, "previous", out, "out");
    previous_screen = bytes_of(previous);
  }
  std::uint8_t* target = bytes_of(out);
  const py::gil_scoped_release released;
  preprocessor.process(last_screen, previous_screen, target);
}

}  // namespace

void register_frame(py::module_& module) {
  using namespace py::literals;  // NOLINT(google-build-using-namespace): the argument names' _a

  py::class_<frame::AtariPreprocessor>(module, "AtariPreprocessor",
                                       R"(Two palette screens in, one observation out.

One for each emulator, used by one thread at a time: it remembers the screens of its last call and
works out anew only the rows of the output that depend on a row that has changed. What it remembers
never changes a result.

Parameters
----------
screen_shape : tuple[int, int]
    Height and width of a screen: (210, 160), or (250, 160) for a PAL console.
output_shape : tuple[int, int]
    Height and width of the observation; no axis is longer than the screen's.
order : {"gymnasium", "sb3", "cleanrl"}
    Whose bits. ``"gymnasium"``: gray, maximum, resize (also ALE's vector environment and EnvPool);
    ``"sb3"``: maximum of RGB, gray, resize; ``"cleanrl"``: maximum of RGB, resize, gray.
palette : {"ntsc", "pal"}
    Of the console. Of the ROMs that ale-py ships, those with 250 lines are PAL.
grayscale : bool
    Whether the observation is gray, (height, width), or RGB, (height, width, 3); RGB is the same in
    every order.

Raises
------
ValueError
    If a name is unknown, or the shapes are not a shrink.

Examples
--------
>>> import numpy as np
>>> from framering._core import AtariPreprocessor
>>> previous, last = np.zeros((2, 210, 160), np.uint8)
>>> observation = np.empty((84, 84), np.uint8)
>>> AtariPreprocessor(order="cleanrl").process(last, previous, observation)
)")
      .def(py::init([](Size screen_shape, Size output_shape, const std::string& order,
                       const std::string& palette, bool grayscale) {
             return frame::AtariPreprocessor(
                 preprocess_options(screen_shape, output_shape, order, palette, grayscale),
                 system::cpu_path());
           }),
           py::kw_only(), "screen_shape"_a = Size{210, 160}, "output_shape"_a = Size{84, 84},
           "order"_a = "gymnasium", "palette"_a = "ntsc", "grayscale"_a = true)
      .def("process", &process, "last"_a, "previous"_a, "out"_a,
           R"(Fill `out` with the observation of two screens.

Parameters
----------
last, previous : numpy.ndarray
    Palette indices as ALE's getScreen gives them: uint8, C-contiguous, of screen_shape. With
    `previous` None, `last` alone, without a maximum.
out : numpy.ndarray
    uint8, C-contiguous, writable, of the output's shape; all of it is written, and nothing else. It
    shares no memory with the screens.

Raises
------
TypeError, ValueError
    If an array is not so; then nothing has been changed. The GIL is released.
)");
}

}  // namespace framering::bindings
