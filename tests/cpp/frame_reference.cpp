#include "frame_reference.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "frame/area_axis.hpp"

namespace framering::test::reference {

namespace {

using frame::area_axis;
using frame::area_taps;
using frame::AreaAxis;
using frame::AreaTap;
using frame::Order;
using frame::Palette;
using frame::palette_table;
using frame::PaletteTable;
using frame::pixels;
using frame::PreprocessOptions;
using frame::Shape;

std::uint8_t round_half_to_even(float value) {
  return static_cast<std::uint8_t>(std::clamp(std::lrint(value), 0L, 255L));
}

void resize_by_whole_ratios(const std::uint8_t* image, const AreaAxis& rows,
                            const AreaAxis& columns, std::size_t channels, std::uint8_t* out) {
  const auto down = static_cast<std::size_t>(rows.whole_ratio);
  const auto across = static_cast<std::size_t>(columns.whole_ratio);
  const auto stride = static_cast<std::size_t>(columns.source_size) * channels;
  const float inverse_area = 1.0F / static_cast<float>(down * across);
  // OpenCV has an integer path for these alone. It rounds halves up.
  const bool rounds_halves_up = down == 2 && across == 2 && channels != 2 && channels <= 4;

  const auto height = static_cast<std::size_t>(rows.target_size);
  const auto width = static_cast<std::size_t>(columns.target_size);
  for (std::size_t y = 0; y < height; ++y) {
    for (std::size_t x = 0; x < width; ++x) {
      for (std::size_t channel = 0; channel < channels; ++channel) {
        const std::uint8_t* cell = image + y * down * stride + x * across * channels + channel;
        unsigned sum = 0;
        for (std::size_t row = 0; row < down; ++row) {
          for (std::size_t column = 0; column < across; ++column) {
            sum += cell[row * stride + column * channels];
          }
        }
        *out++ = rounds_halves_up ? static_cast<std::uint8_t>((sum + 2) >> 2U)
                                  : round_half_to_even(static_cast<float>(sum) * inverse_area);
      }
    }
  }
}

void resize_by_weights(const std::uint8_t* image, const AreaAxis& rows, const AreaAxis& columns,
                       std::size_t channels, std::uint8_t* out) {
  const auto stride = static_cast<std::size_t>(columns.source_size) * channels;
  const auto row_values = static_cast<std::size_t>(columns.target_size) * channels;
  const std::vector<AreaTap> column_taps = area_taps(columns);
  std::vector<float> sums(static_cast<std::size_t>(rows.target_size) * row_values, 0.0F);
  std::vector<float> row(row_values);

  for (const AreaTap& down : area_taps(rows)) {
    std::ranges::fill(row, 0.0F);
    const std::uint8_t* source = image + static_cast<std::size_t>(down.source) * stride;
    for (const AreaTap& across : column_taps) {
      for (std::size_t channel = 0; channel < channels; ++channel) {
        const auto from = static_cast<std::size_t>(across.source) * channels + channel;
        const auto to = static_cast<std::size_t>(across.target) * channels + channel;
        row[to] += static_cast<float>(source[from]) * across.weight;
      }
    }
    float* sum = sums.data() + static_cast<std::size_t>(down.target) * row_values;
    for (std::size_t i = 0; i < row_values; ++i) {
      sum[i] += down.weight * row[i];
    }
  }
  std::ranges::transform(sums, out, round_half_to_even);
}

}  // namespace

void resize_area(const std::uint8_t* image, Shape from, int channels, std::uint8_t* out, Shape to) {
  const AreaAxis rows = area_axis(from.height, to.height);
  const AreaAxis columns = area_axis(from.width, to.width);
  const auto channel_count = static_cast<std::size_t>(channels);
  if (rows.whole_ratio != 0 && columns.whole_ratio != 0) {
    resize_by_whole_ratios(image, rows, columns, channel_count, out);
  } else {
    resize_by_weights(image, rows, columns, channel_count, out);
  }
}

void rgb_to_gray(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count) {
  for (std::size_t i = 0; i < pixel_count; ++i, rgb += 3) {
    gray[i] = static_cast<std::uint8_t>(
        (9798U * rgb[0] + 19235U * rgb[1] + 3735U * rgb[2] + 16384U) >> 15U);
  }
}

void palette_to_gray(Palette palette, const std::uint8_t* screen, std::uint8_t* gray,
                     std::size_t pixel_count) {
  const PaletteTable& table = palette_table(palette);
  std::transform(screen, screen + pixel_count, gray,
                 [&](std::uint8_t index) { return table.gray[index]; });
}

void palette_to_rgb(Palette palette, const std::uint8_t* screen, std::uint8_t* rgb,
                    std::size_t pixel_count) {
  const PaletteTable& table = palette_table(palette);
  for (std::size_t i = 0; i < pixel_count; ++i) {
    *rgb++ = table.red[screen[i]];
    *rgb++ = table.green[screen[i]];
    *rgb++ = table.blue[screen[i]];
  }
}

void preprocess(const PreprocessOptions& options, const std::uint8_t* last,
                const std::uint8_t* previous, std::uint8_t* out) {
  using Image = std::vector<std::uint8_t>;
  const std::size_t screen_pixels = pixels(options.screen);
  const bool gray_first = options.grayscale && options.order == Order::gymnasium;

  const auto coloured = [&](const std::uint8_t* screen) {
    Image image(screen_pixels * (gray_first ? 1U : 3U));
    (gray_first ? palette_to_gray : palette_to_rgb)(options.palette, screen, image.data(),
                                                    screen_pixels);
    return image;
  };
  const auto gray = [](const Image& rgb) {
    Image image(rgb.size() / 3);
    rgb_to_gray(rgb.data(), image.data(), image.size());
    return image;
  };
  const auto resized = [&](const Image& image) {
    const int channels = static_cast<int>(image.size() / screen_pixels);
    Image small(pixels(options.output) * static_cast<std::size_t>(channels));
    resize_area(image.data(), options.screen, channels, small.data(), options.output);
    return small;
  };

  Image image = coloured(last);
  if (previous != nullptr) {
    const Image other = coloured(previous);
    std::ranges::transform(image, other, image.begin(),
                           [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  }
  if (!options.grayscale || options.order == Order::gymnasium) {
    image = resized(image);
  } else if (options.order == Order::sb3) {
    image = resized(gray(image));
  } else {
    image = gray(resized(image));
  }
  std::ranges::copy(image, out);
}

}  // namespace framering::test::reference
