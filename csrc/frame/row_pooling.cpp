#include "frame/row_pooling.hpp"

#include <algorithm>
#include <cstring>

namespace framering::frame {

namespace {

// The transform that LookupTable describes; it is its own inverse.
void replace_by_terms(std::array<std::uint8_t, 128>& values) {
  constexpr std::size_t group = 16;
  for (std::size_t bit = group; bit < values.size(); bit *= 2) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if ((i & bit) != 0) {
        values[i] ^= values[i - bit];
      }
    }
  }
}

LookupTable lookup_table(const std::array<std::uint8_t, 256>& values) {
  LookupTable table{};
  table.value = values;
  for (std::size_t i = 0; i < 128; ++i) {
    table.even_terms[i] = values[2 * i];
    table.odd_terms[i] = values[2 * i + 1];
  }
  replace_by_terms(table.even_terms);
  replace_by_terms(table.odd_terms);
  return table;
}

ColourTables tables_of(const PaletteTable& palette) {
  std::array<std::uint8_t, 256> luma{};
  for (std::size_t i = 0; i < 256; ++i) {
    luma[i] = rgb_luma(palette.red[i], palette.green[i], palette.blue[i]);
  }
  return {.gray = lookup_table(palette.gray),
          .luma = lookup_table(luma),
          .red = lookup_table(palette.red),
          .green = lookup_table(palette.green),
          .blue = lookup_table(palette.blue)};
}

std::uint8_t max_value(const LookupTable& table, std::uint8_t a, std::uint8_t b) {
  return std::max(table.value[a], table.value[b]);
}

void lookup_row(const LookupTable& table, const std::uint8_t* row, std::size_t width,
                std::uint8_t* out) {
  std::transform(row, row + width, out, [&](std::uint8_t index) { return table.value[index]; });
}

void max_row(const LookupTable& table, const std::uint8_t* a, const std::uint8_t* b,
             std::size_t width, std::uint8_t* out) {
  std::transform(a, a + width, b, out,
                 [&](std::uint8_t x, std::uint8_t y) { return max_value(table, x, y); });
}

void pool_row(const ColourTables& tables, PoolFormat format, const std::uint8_t* last,
              const std::uint8_t* previous, std::size_t width, std::uint8_t* planes,
              std::size_t stride) {
  const auto plane = [&](const LookupTable& table, std::uint8_t* out) {
    if (previous == nullptr) {
      lookup_row(table, last, width, out);
    } else {
      max_row(table, last, previous, width, out);
    }
  };
  switch (format) {
    case PoolFormat::gray:
      plane(tables.gray, planes);
      return;
    case PoolFormat::luma:
      if (previous == nullptr) {
        lookup_row(tables.luma, last, width, planes);
        return;
      }
      std::transform(last, last + width, previous, planes, [&](std::uint8_t a, std::uint8_t b) {
        return a == b ? tables.luma.value[a]
                      : rgb_luma(max_value(tables.red, a, b), max_value(tables.green, a, b),
                                 max_value(tables.blue, a, b));
      });
      return;
    case PoolFormat::rgb:
      plane(tables.red, planes);
      plane(tables.green, planes + stride);
      plane(tables.blue, planes + 2 * stride);
      return;
  }
}

bool equal(const std::uint8_t* a, const std::uint8_t* b, std::size_t width) {
  return std::memcmp(a, b, width) == 0;
}

void update_screens(const std::uint8_t* last, const std::uint8_t* previous, std::size_t height,
                    std::size_t width, const StoredScreens& stored, bool all) {
  bool above_changed = false;
  for (std::size_t row = 0; row < height; ++row, last += width, previous += width) {
    std::uint8_t* stored_last = stored.last + row * width;
    std::uint8_t* stored_previous = stored.previous + row * width;
    unsigned flags = stored.row_flags[row];
    const bool equal_in_both = equal(last, previous, width);
    const bool changed =
        all || !equal(last, stored_last, width) ||
        ((flags & row_equal_in_both) != 0 ? !equal_in_both
                                          : !equal(previous, stored_previous, width));
    if (changed) {
      std::memcpy(stored_last, last, width);
      if (!equal_in_both) {
        std::memcpy(stored_previous, previous, width);
      }
    }
    if (changed || above_changed) {
      const bool repeats =
          row > 0 && equal(last, last - width, width) && equal(previous, previous - width, width);
      flags = (equal_in_both ? row_equal_in_both : 0U) | (repeats ? row_repeats_above : 0U);
    }
    stored.row_flags[row] =
        static_cast<std::uint8_t>((flags & ~row_changed) | (changed ? row_changed : 0U));
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

PoolFormat pool_format(const PreprocessOptions& options) {
  if (!options.grayscale || options.order == Order::cleanrl) {
    return PoolFormat::rgb;
  }
  return options.order == Order::gymnasium ? PoolFormat::gray : PoolFormat::luma;
}

PoolingKernel pooling_kernel(std::size_t width, system::CpuPath path) {
#if FRAMERING_X86_KERNELS
  if (includes(path, system::CpuPath::avx2) && width >= 32) {
    return pooling_avx2;
  }
#else
  static_cast<void>(width);
  static_cast<void>(path);
#endif
  return {
      .update_screens = &update_screens, .pool_row = &pool_row, .luma_of_planes = &luma_of_planes};
}

}  // namespace framering::frame
