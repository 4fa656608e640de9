#include <doctest/doctest.h>

#include <random>

#include "frame/resize_area.hpp"
#include "frame/shrink_plan.hpp"
#include "frame_fixture.hpp"
#include "frame_reference.hpp"

using framering::frame::FinishKind;
using framering::frame::pixels;
using framering::frame::plan_shrink;
using framering::frame::resize_area;
using framering::frame::Shape;
using framering::frame::ShrinkArithmetic;
using framering::frame::TapSpan;
using framering::test::Image;
using framering::test::noise;
using framering::test::paths_of_this_processor;

namespace framering::frame {

// NOLINTNEXTLINE(misc-use-anonymous-namespace): doctest finds it by its argument's namespace.
static doctest::String toString(Shape shape) {
  return doctest::toString(shape.height) + "x" + doctest::toString(shape.width);
}

}  // namespace framering::frame

namespace {

void check_against_reference(Shape from, Shape to, std::size_t channels, std::mt19937& generator,
                             unsigned levels) {
  CAPTURE(from);
  CAPTURE(to);
  CAPTURE(channels);
  const Image image = noise(pixels(from) * channels, generator, levels);
  Image expected(pixels(to) * channels);
  framering::test::reference::resize_area(image.data(), from, static_cast<int>(channels),
                                          expected.data(), to);
  for (const auto path : paths_of_this_processor()) {
    CAPTURE(framering::system::name(path));
    // Exactly the result's size, so that the sanitizers report accesses beyond it.
    Image out(pixels(to) * channels);
    resize_area(image.data(), from, channels, out.data(), to, path);
    CHECK(out == expected);
  }
}

}  // namespace

TEST_CASE("every path equals the reference for common sizes") {
  std::mt19937 generator(1);
  const Shape sources[] = {{210, 160}, {250, 160}, {168, 168}, {192, 256},
                           {128, 168}, {256, 256}, {480, 640}};
  const Shape targets[] = {{84, 84}, {96, 96}, {64, 64}, {128, 128}};
  for (const Shape from : sources) {
    for (const Shape to : targets) {
      for (const std::size_t channels : {1U, 3U}) {
        for (const unsigned levels : {2U, 256U}) {
          check_against_reference(from, to, channels, generator, levels);
        }
      }
    }
  }
}

TEST_CASE("every path equals the reference for random sizes") {
  std::mt19937 generator(2);
  const auto up_to = [&](int limit) {
    return static_cast<int>(generator() % static_cast<unsigned>(limit));
  };
  for (int round = 0; round < 1500; ++round) {
    const Shape to{1 + up_to(40), 1 + up_to(40)};
    const bool whole = up_to(3) == 0;
    const Shape from = whole ? Shape{to.height * (1 + up_to(5)), to.width * (1 + up_to(5))}
                             : Shape{to.height + up_to(80), to.width + up_to(80)};
    const unsigned levels[] = {2, 3, 5, 256};
    check_against_reference(from, to, 1 + generator() % 5, generator, levels[generator() % 4]);
  }
}

TEST_CASE("every path equals the reference for sizes beyond the integer arithmetic") {
  std::mt19937 generator(3);
  const Shape cases[][2] = {{{999, 1000}, {84, 84}},
                            {{2, 40000}, {1, 39999}},
                            {{600, 300}, {2, 1}},
                            {{300, 300}, {1, 1}}};
  for (const auto& shapes : cases) {
    CHECK(plan_shrink(shapes[0], shapes[1], 1).arithmetic == ShrinkArithmetic::floating);
    check_against_reference(shapes[0], shapes[1], 1, generator, 256);
  }
}

TEST_CASE("for 210x160 to 84x84 only exact ties are computed again") {
  const auto plan = plan_shrink({210, 160}, {84, 84}, 1);
  CHECK(plan.finish == FinishKind::two_fifths_by_200);
  CHECK(plan.denominator == 200);
  CHECK(plan.recompute_from == 200);
}

TEST_CASE("ties at every target pixel are rounded as in the reference") {
  std::mt19937 generator(4);
  const Shape from{210, 160};
  const Shape to{84, 84};
  const auto plan = plan_shrink(from, to, 1);
  int ties = 0;
  for (int round = 0; round < 200; ++round) {
    const Image image = noise(pixels(from), generator, 2 + static_cast<unsigned>(round) % 4);
    for (std::size_t y = 0; y < 84; ++y) {
      for (std::size_t x = 0; x < 84; ++x) {
        int numerator = 0;
        const TapSpan& rows = plan.rows.spans[y];
        const TapSpan& columns = plan.columns.spans[x];
        for (std::size_t down = 0; down < rows.count; ++down) {
          for (std::size_t across = 0; across < columns.count; ++across) {
            numerator += plan.rows.weights[rows.tap + down] *
                         plan.columns.weights[columns.tap + across] *
                         image[(rows.source + down) * 160 + columns.source + across];
          }
        }
        ties += numerator % 200 == 100 ? 1 : 0;
      }
    }
    Image expected(pixels(to));
    framering::test::reference::resize_area(image.data(), from, 1, expected.data(), to);
    for (const auto path : paths_of_this_processor()) {
      Image out(pixels(to));
      resize_area(image.data(), from, 1, out.data(), to, path);
      CHECK(out == expected);
    }
  }
  CHECK(ties > 5000);
}
