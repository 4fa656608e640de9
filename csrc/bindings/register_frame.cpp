#include <string>

#include "bindings/arrays.hpp"
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
  throw py::value_error("order: expected 'gymnasium', 'sb3' or 'cleanrl', got '" + name + "'");
}

PreprocessOptions preprocess_options(Size screen_shape, Size output_shape, const std::string& order,
                                     const std::string& palette, bool grayscale) {
  const Shape screen = shape_of(screen_shape, "screen_shape");
  const Shape output = shape_of(output_shape, "output_shape");
  require_shrink(screen_shape, output_shape, "output_shape");
  return {.screen = screen,
          .output = output,
          .order = order_named(order),
          .palette = palette_named(palette),
          .grayscale = grayscale};
}

py::array screen_of_shape(const py::object& object, const char* name, Shape shape) {
  py::array screen = uint8_image(object, name);
  require_shape(screen, {shape.height, shape.width}, name, "the screen_shape");
  return screen;
}

const std::uint8_t* bytes_of(const py::array& screen) {
  return static_cast<const std::uint8_t*>(screen.data());
}

void process(frame::AtariPreprocessor& preprocessor, const py::object& last_object,
             const py::object& previous_object, const py::object& out_object) {
  const PreprocessOptions& options = preprocessor.options();
  const Shape shape = options.output;
  constexpr const char* meaning = "that of the preprocessor's output";
  py::array out = options.grayscale
                      ? writable_image(out_object, "out", {shape.height, shape.width}, meaning)
                      : writable_image(out_object, "out", {shape.height, shape.width, 3}, meaning);
  const py::array last = screen_of_shape(last_object, "last", options.screen);
  require_no_overlap(last, "last", out, "out");
  const std::uint8_t* last_screen = bytes_of(last);
  const std::uint8_t* previous_screen = nullptr;
  if (!previous_object.is_none()) {
    const py::array previous = screen_of_shape(previous_object, "previous", options.screen);
    require_no_overlap(previous, "previous", out, "out");
    previous_screen = bytes_of(previous);
  }
  auto* target = static_cast<std::uint8_t*>(out.mutable_data());
  const py::gil_scoped_release released;
  preprocessor.process(last_screen, previous_screen, target);
}

}  // namespace

void register_frame(py::module_& module) {
  using namespace py::literals;  // NOLINT(google-build-using-namespace): the argument names' _a

  py::class_<frame::AtariPreprocessor>(module, "AtariPreprocessor",
                                       R"(Preprocessing of two palette screens to one observation.

Each emulator needs its own, used by one thread at a time. It stores the screens of its last call and
computes only those rows of the output that depend on a row which has changed. The result is the same
as without this cache.

Parameters
----------
screen_shape : tuple[int, int]
    Height and width of a screen: (210, 160), or (250, 160) for a PAL console.
output_shape : tuple[int, int]
    Height and width of the observation, each at most the screen's.
order : {"gymnasium", "sb3", "cleanrl"}
    The library whose observations are reproduced bit for bit. ``"gymnasium"``: gray, maximum, resize
    (also ALE's vector environment and EnvPool); ``"sb3"``: maximum of RGB, gray, resize;
    ``"cleanrl"``: maximum of RGB, resize, gray.
palette : {"ntsc", "pal"}
    The console's palette. Of the ROMs that ale-py ships, those with 250 lines are PAL.
grayscale : bool
    Whether the observation is gray, (height, width), or RGB, (height, width, 3). RGB is the same for
    every order.

Raises
------
ValueError
    If a name is unknown, or an axis of output_shape is longer than the screen's.

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
           "order"_a, "palette"_a = "ntsc", "grayscale"_a = true)
      .def("process", &process, "last"_a, "previous"_a, "out"_a,
           R"(Write the observation of two screens to `out`. The GIL is released.

Parameters
----------
last, previous : numpy.ndarray
    Palette indices as returned by ALE's getScreen: uint8, C-contiguous, of screen_shape. If
    `previous` is None, no maximum is taken.
out : numpy.ndarray
    uint8, C-contiguous, writable, of the output's shape, sharing no memory with the screens.

Raises
------
TypeError, ValueError
    If an array differs from this; `out` is unchanged then.
)");
}

}  // namespace framering::bindings
