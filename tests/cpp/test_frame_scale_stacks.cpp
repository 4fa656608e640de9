#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "frame/scale_stacks.hpp"
#include "frame_fixture.hpp"

using framering::frame::scale_stacks;
using framering::system::CpuPath;
using framering::test::paths_of_this_processor;

TEST_CASE("stacks of any shape are scaled without accesses beyond them") {
  for (const CpuPath path : paths_of_this_processor()) {
    for (const std::size_t stack : {1U, 3U, 4U, 5U}) {
      for (const std::size_t pixels : {1U, 15U, 16U, 17U, 84U * 84U}) {
        CAPTURE(stack);
        CAPTURE(pixels);
        // Vectors of exactly the required size, so that the sanitizers report accesses beyond them.
        constexpr std::size_t rows = 3;
        const std::size_t row_stride = (stack + 1) * pixels;
        std::vector<std::uint8_t> bytes((rows - 1) * row_stride + stack * pixels);
        for (std::size_t i = 0; i < bytes.size(); ++i) {
          bytes[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
        }
        std::vector<float> out(rows * pixels * stack, -1.0F);

        scale_stacks({.bytes = bytes.data(),
                      .rows = rows,
                      .row_stride = row_stride,
                      .stack = stack,
                      .pixels = pixels},
                     out.data(), path);

        bool same = true;
        for (std::size_t row = 0; row < rows; ++row) {
          for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
            for (std::size_t plane = 0; plane < stack; ++plane) {
              const auto byte =
                  static_cast<float>(bytes[row * row_stride + plane * pixels + pixel]);
              same = same && out[(row * pixels + pixel) * stack + plane] == byte / 255.0F;
            }
          }
        }
        CHECK(same);
      }
    }
  }
}
