// The size of an image plane.
#pragma once

#include <cstddef>

namespace framering::frame {

struct Shape {
  int height = 0;
  int width = 0;

  constexpr Shape() = default;
  constexpr Shape(int rows, int columns) : height(rows), width(columns) {}

  friend constexpr bool operator==(const Shape&, const Shape&) = default;
};

constexpr std::size_t pixels(Shape shape) {
  return static_cast<std::size_t>(shape.height) * static_cast<std::size_t>(shape.width);
}

}  // namespace framering::frame
