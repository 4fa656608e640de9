#include "frame/colour_conversion.hpp"

#include <array>
#include <cstring>

#include "frame/row_pooling.hpp"

namespace framering::frame {

void palette_to_gray(Palette palette, const std::uint8_t* screen, std::uint8_t* gray,
                     std::size_t pixel_count, system::CpuPath path) {
  pooling_kernel(pixel_count, path)
      .pool_row(colour_tables(palette), PoolFormat::gray, screen, nullptr, pixel_count, gray,
                pixel_count);
}

void palette_to_rgb(Palette palette, const std::uint8_t* screen, std::uint8_t* rgb,
                    std::size_t pixel_count) {
  if (pixel_count == 0) {
    return;
  }
  const PaletteTable& table = palette_table(palette);
  std::array<std::array<std::uint8_t, 4>, 256> pixels{};
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    pixels[i] = {table.red[i], table.green[i], table.blue[i], 0};
  }
  // Four bytes are a single store; the next pixel overwrites the fourth.
  for (std::size_t i = 0; i + 1 < pixel_count; ++i) {
    std::memcpy(rgb + 3 * i, pixels[screen[i]].data(), 4);
  }
  std::memcpy(rgb + 3 * (pixel_count - 1), pixels[screen[pixel_count - 1]].data(), 3);
}

void rgb_to_gray(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count,
                 system::CpuPath path) {
  std::size_t i = 0;
#if FRAMERING_X86_KERNELS
  if (includes(path, system::CpuPath::avx2)) {
    i = rgb_to_gray_avx2(rgb, gray, pixel_count);
  }
#else
  static_cast<void>(path);
#endif
  for (; i < pixel_count; ++i) {
    gray[i] = rgb_luma(rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2]);
  }
}

}  // namespace framering::frame
