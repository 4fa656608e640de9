#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "frame/atari_preprocessor.hpp"
#include "frame_fixture.hpp"
#include "frame_reference.hpp"

using framering::frame::AtariPreprocessor;
using framering::frame::Order;
using framering::frame::Palette;
using framering::frame::pixels;
using framering::frame::PreprocessOptions;
using framering::frame::Shape;
using framering::test::Image;
using framering::test::noise;
using framering::test::paths_of_this_processor;

namespace {

std::vector<PreprocessOptions> every_order(Shape screen, Shape output, Palette palette) {
  std::vector<PreprocessOptions> all;
  for (const Order order : {Order::gymnasium, Order::sb3, Order::cleanrl}) {
    all.push_back({screen, output, order, palette, true});
  }
  all.push_back({screen, output, Order::gymnasium, palette, false});
  return all;
}

// Compares one preprocessor for each path with the reference, over the same screens.
class Checker {
 public:
  explicit Checker(const PreprocessOptions& options) : options_(options) { forget(); }

  void check(const Image& last, const Image* previous) {
    const std::uint8_t* second = previous == nullptr ? nullptr : previous->data();
    Image expected(options_.output_bytes());
    framering::test::reference::preprocess(options_, last.data(), second, expected.data());
    for (AtariPreprocessor& preprocessor : preprocessors_) {
      Image out(options_.output_bytes());
      preprocessor.process(last.data(), second, out.data());
      CHECK(out == expected);
    }
  }

  // Starts again with new preprocessors, which have seen no screens.
  void forget() {
    preprocessors_.clear();
    for (const auto path : paths_of_this_processor()) {
      preprocessors_.emplace_back(options_, path);
    }
  }

 private:
  PreprocessOptions options_;
  std::vector<AtariPreprocessor> preprocessors_;
};

}  // namespace

TEST_CASE("every path equals the reference on noise, in every order") {
  std::mt19937 generator(1);
  const Shape sizes[][2] = {{{210, 160}, {84, 84}},   {{250, 160}, {84, 84}},
                            {{214, 160}, {96, 96}},   {{210, 160}, {64, 64}},
                            {{210, 160}, {128, 128}}, {{210, 160}, {105, 80}},
                            {{210, 160}, {7, 11}},    {{20, 18}, {9, 7}}};
  for (const auto& shapes : sizes) {
    for (const Palette palette : {Palette::ntsc, Palette::pal}) {
      for (const PreprocessOptions& options : every_order(shapes[0], shapes[1], palette)) {
        Checker checker(options);
        for (const unsigned levels : {256U, 128U, 2U}) {
          Image last = noise(pixels(shapes[0]), generator, levels);
          const Image previous = noise(pixels(shapes[0]), generator, levels);
          checker.check(last, &previous);
          checker.check(last, nullptr);
        }
      }
    }
  }
}

TEST_CASE("a change of a single pixel in either screen gives the reference's output") {
  std::mt19937 generator(2);
  for (const PreprocessOptions& options : every_order({210, 160}, {84, 84}, Palette::ntsc)) {
    Checker checker(options);
    Image last(pixels(options.screen), 0x1C);
    Image previous = last;
    checker.check(last, &previous);
    for (std::size_t row = 0; row < 210; ++row) {
      Image& screen = row % 2 == 0 ? last : previous;
      screen[row * 160 + generator() % 160] = static_cast<std::uint8_t>(generator() & 0xFEU);
      checker.check(last, &previous);
    }
  }
}

TEST_CASE("repeated rows and changes of many rows give the reference's output") {
  std::mt19937 generator(3);
  for (const PreprocessOptions& options : every_order({210, 160}, {84, 84}, Palette::pal)) {
    Checker checker(options);
    Image screens[2] = {Image(pixels(options.screen)), Image(pixels(options.screen))};
    for (int step = 0; step < 60; ++step) {
      Image& screen = screens[generator() % 2];
      const std::size_t first = generator() % 210;
      const std::size_t last = std::min<std::size_t>(210, first + generator() % 40);
      const Image row = noise(160, generator, 128);
      for (std::size_t y = first; y < last; ++y) {
        std::ranges::copy(row, screen.begin() + static_cast<std::ptrdiff_t>(y * 160));
      }
      if (step % 7 == 0) {
        checker.forget();
      }
      if (step % 5 == 0) {
        checker.check(screens[0], nullptr);
      }
      checker.check(screens[0], &screens[1]);
    }
  }
}

TEST_CASE("process writes nothing outside its output") {
  std::mt19937 generator(4);
  for (const PreprocessOptions& options : every_order({210, 160}, {84, 84}, Palette::ntsc)) {
    for (const auto path : paths_of_this_processor()) {
      AtariPreprocessor preprocessor(options, path);
      const Image last = noise(pixels(options.screen), generator);
      Image out(options.output_bytes() + 64, 0xA5);
      preprocessor.process(last.data(), nullptr, out.data() + 32);
      CHECK(std::all_of(out.begin(), out.begin() + 32, [](auto byte) { return byte == 0xA5; }));
      CHECK(std::all_of(out.end() - 32, out.end(), [](auto byte) { return byte == 0xA5; }));
    }
  }
}
