#include "frame/colouring.hpp"

#include <algorithm>
#include <cstring>

namespace framering::frame {

namespace {

LookUp look_up_of(const std::array<std::uint8_t, 256>& values) {
  LookUp look_up{};
  look_up.value = values;
  for (std::size_t i = 0; i < 128; ++i) {
    look_up.even[i] = values[2 * i];
    look_up.odd[i] = values[2 * i + 1];
  }
  return look_up;
}

ColourTables tables_of(const PaletteTable& palette) {
  std::array<std::uint8_t, 256> luma{};
  for (std::size_t i = 0; i < 256; ++i) {
    luma[i] = rgb_luma(palette.red[i], palette.green[i], palette.blue[i]);
  }
  return {.gray = look_up_of(palette.gray),
          .luma = look_up_of(luma),
          .red = look_up_of(palette.red),
          .green = look_up_of(palette.green),
          .blue = look_up_of(palette.blue)};
}

std::uint8_t larger(const LookUp& look_up, std::uint8_t a, std::uint8_t b) {
  return std::max(look_up.value[a], look_up.value[b]);
}

void look_up_row(const LookUp& look_up, const std::uint8_t* row, std::size_t width,
                 std::uint8_t* out) {
  std::transform(row, row + width, out, [&](std::uint8_t index) { return look_up.value[index]; });
}

void larger_row(const LookUp& look_up, const std::uint8_t* a, const std::uint8_t* b,
                std::size_t width, std::uint8_t* out) {
  std::transform(a, a + width, b, out,
                 [&](std::uint8_t x, std::uint8_t y) { return larger(look_up, x, y); });
}

void colour_row(const ColourTables& tables, Colouring colouring, const std::uint8_t* last,
                const std::uint8_t* previous, std::size_t width, std::uint8_t* planes,
                std::size_t stride) {
  const auto plane = [&](const LookUp& look_up, std::uint8_t* out) {
    if (previous == nullptr) {
      look_up_row(look_up, last, width, out);
    } else {
      larger_row(look_up, last, previous, width, out);
    }
  };
  switch (colouring) {
    case Colouring::gray:
      plane(tables.gray, planes);
      return;
    case Colouring::luma:
      if (previous == nullptr) {
        look_up_row(tables.luma, last, width, planes);
        return;
      }
      std::transform(last, last + width, previous, planes, [&](std::uint8_t a, std::uint8_t b) {
        return a == b ? tables.luma.value[a]
                      : rgb_luma(larger(tables.red, a, b), larger(tables.green, a, b),
                                 larger(tables.blue, a, b));
      });
      return;
    case Colouring::rgb:
      plane(tables.red, planes);
      plane(tables.green, planes + stride);
      plane(tables.blue, planes + 2 * stride);
      return;
  }
}

bool same(const std::uint8_t* a, const std::uint8_t* b, std::size_t width) {
  return std::memcmp(a, b, width) == 0;
}

void keep(const std::uint8_t* last, const std::uint8_t* previous, std::size_t height,
          std::size_t width, const KeptScreens& kept, bool all) {
  bool above_changed = false;
  for (std::size_t row = 0; row < height; ++row, last += width, previous += width) {
    std::uint8_t* kept_last = kept.last + row * width;
    std::uint8_t* kept_previous = kept.previous + row * width;
    unsigned state = kept.states[row];
    const bool paired = same(last, previous, width);
    const bool changed =
        all || !same(last, kept_last, width) ||
        ((state & row_paired) != 0 ? !paired : !same(previous, kept_previous, width));
    if (changed) {
      std::memcpy(kept_last, last, width);
      if (!paired) {
        std::memcpy(kept_previous, previous, width);
      }
    }
    if (changed || above_changed) {
      const bool repeats =
          row > 0 && same(last, last - width, width) && same(previous, previous - width, width);
      state = (paired ? row_paired : 0U) | (repeats ? row_repeats : 0U);
    }
    kept.states[row] =
        static_cast<std::uint8_t>((state & ~row_changed) | (changed ? row_changed : 0U));
    above_changed = changed;
  }
}

void luma_of_planes(const std::uint8_t* planes, std::size_t stride, std::size_t width,
                    std::uint8_t* out) {
  const std::uint8_t* red = planes;
  const std::uint8_t* green = planes + stride;
  const std::uint8_t* blue = planes + 2 * stride;
  for (std::size_t i = 0; i < width; ++i) {
    out[i] = rgb_luma(red[i], green[i], blue[i]);
  }
}

}  // namespace

const ColourTables& colour_tables(Palette palette) {
  static const ColourTables ntsc = tables_of(palette_table(Palette::ntsc));
  static const ColourTables pal = tables_of(palette_table(Palette::pal));
  return palette == Palette::ntsc ? ntsc : pal;
}

Colouring colouring_of(const PreprocessOptions& options) {
  if (!options.grayscale || options.order == Order::cleanrl) {
    return Colouring::rgb;
  }
  return options.order == Order::gymnasium ? Colouring::gray : Colouring::luma;
}

ColouringKernel colouring_kernel(std::size_t width, system::CpuPath path) {
#if defined(__x86_64__)
  if (path == system::CpuPath::avx2 && width >= 32) {
    return colouring_avx2;
  }
#else
  static_cast<void>(width);
  static_cast<void>(path);
#endif
  return {.keep = &keep, .colour_row = &colour_row, .luma_of_planes = &luma_of_planes};
}

}  // namespace framering::frame
