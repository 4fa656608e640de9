#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bindings/image_argument.hpp"
#include "bindings/register.hpp"
#include "frame/atari_preprocessor.hpp"
#include "frame/colour_conversion.hpp"
#include "frame/resize_area.hpp"
#include "system/cpu_features.hpp"

namespace py = pybind11;

namespace framering::bindings {

namespace {

using frame::Order;
using frame::Palette;
using frame::PreprocessOptions;
using frame::Shape;

using Size = std::pair<py::ssize_t, py::ssize_t>;

std::string size_text(Size size) {
  return "(" + std::to_string(size.first) + ", " + std::to_string(size.second) + ")";
}

// For pixel indices held in int.
Shape shape_of(Size size, const char* name) {
  constexpr py::ssize_t limit = std::numeric_limits<int>::max() / 8;
  if (size.first < 1 || size.second < 1 || size.first > limit || size.second > limit) {
    throw py::value_error(std::string(name) + " must be (height, width), each 1 or more, got " +
                          size_text(size));
  }
  return {static_cast<int>(size.first), static_cast<int>(size.second)};
}

void check_shrinks(Size from, Size to, const char* what) {
  if (to.first > from.first || to.second > from.second) {
    throw py::value_error(std::string("area resize only shrinks: ") + what + " " + size_text(to) +
                          " must be no larger than the source's " + size_text(from) +
                          " on either axis; to enlarge, use another interpolation");
  }
}

Palette palette_named(const std::string& name) {
  if (name == "ntsc") {
    return Palette::ntsc;
  }
  if (name == "pal") {
    return Palette::pal;
  }
  if (name == "secam") {
    throw py::value_error(
        "palette 'secam' is not known: no ROM that ale-py ships uses it, so its colours could not "
        "be measured; choose 'ntsc' or 'pal'");
  }
  throw py::value_error("palette must be 'ntsc' or 'pal', got '" + name + "'");
}

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

std::uint8_t* bytes_of(py::array& array) {
  return static_cast<std::uint8_t*>(array.mutable_data());
}

const std::uint8_t* bytes_of(const py::array& array) {
  return static_cast<const std::uint8_t*>(array.data());
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

  module.def("resize_area", &resize_area, "image"_a, "size"_a, "out"_a = py::none());
  module.def("rgb_to_gray", &rgb_to_gray, "image"_a, "out"_a = py::none());
  module.def("palette_to_gray", &palette_to_gray, "screen"_a, "out"_a = py::none(),
             "palette"_a = "ntsc");
  module.def("palette_to_rgb", &palette_to_rgb, "screen"_a, "out"_a = py::none(),
             "palette"_a = "ntsc");

  py::class_<frame::AtariPreprocessor>(module, "AtariPreprocessor")
      .def(py::init([](Size screen_shape, Size output_shape, const std::string& order,
                       const std::string& palette, bool grayscale) {
             return frame::AtariPreprocessor(
                 preprocess_options(screen_shape, output_shape, order, palette, grayscale),
                 system::cpu_path());
           }),
           py::kw_only(), "screen_shape"_a = Size{210, 160}, "output_shape"_a = Size{84, 84},
           "order"_a = "gymnasium", "palette"_a = "ntsc", "grayscale"_a = true)
      .def("process", &process, "last"_a, "previous"_a, "out"_a)
      .def("reset", &frame::AtariPreprocessor::reset);
}

}  // namespace framering::bindings
