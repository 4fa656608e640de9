#include "frame/shift_stacks.hpp"

#include <algorithm>
#include <cstring>

namespace framering::frame {

namespace {

// Writes one line of a plane, shifted by `right`, which lies between −width and width.
void shift_line(const std::uint8_t* line, std::int64_t width, std::int64_t right,
                std::uint8_t* out) {
  const std::int64_t before = std::max<std::int64_t>(-right, 0);
  const std::int64_t after = std::max<std::int64_t>(right, 0);
  const std::int64_t kept = width - before - after;
  std::memset(out, line[0], static_cast<std::size_t>(before));
  std::memcpy(out + before, line + after, static_cast<std::size_t>(kept));
  std::memset(out + before + kept, line[width - 1], static_cast<std::size_t>(after));
}

}  // namespace

void shift_stacks(const Stacks& stacks, std::size_t width, const std::int64_t* shifts,
                  std::uint8_t* out) {
  if (stacks.pixels == 0) {
    return;
  }
  const auto columns = static_cast<std::int64_t>(width);
  const auto lines = static_cast<std::int64_t>(stacks.pixels / width);
  for (std::size_t row = 0; row < stacks.rows; ++row) {
    const std::int64_t down = std::clamp(shifts[2 * row], -lines, lines);
    const std::int64_t right = std::clamp(shifts[2 * row + 1], -columns, columns);
    for (std::size_t plane = 0; plane < stacks.stack; ++plane) {
      const std::uint8_t* from = stacks.bytes + row * stacks.row_stride + plane * stacks.pixels;
      for (std::int64_t y = 0; y < lines; ++y, out += width) {
        shift_line(from + std::clamp<std::int64_t>(y + down, 0, lines - 1) * columns, columns,
                   right, out);
      }
    }
  }
}

}  // namespace framering::frame
