// Colour conversion of whole images, bit for bit as ALE and OpenCV do it. The result is the same
// for every `path`.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// ALE's getScreenGrayscale and getScreenRGB, from the palette indices of getScreen.
void palette_to_gray(Palette palette, const std::uint8_t* screen, std::uint8_t* gray,
                     std::size_t pixel_count, system::CpuPath path);
void palette_to_rgb(Palette palette, const std::uint8_t* screen, std::uint8_t* rgb,
                    std::size_t pixel_count);

// cv2.cvtColor(..., cv2.COLOR_RGB2GRAY).
void rgb_to_gray(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count,
                 system::CpuPath path);

// Converts a multiple of 32 pixels and returns their number; fewer than 32 are left. Needs AVX2. In
// row_pooling_avx2.cpp.
std::size_t rgb_to_gray_avx2(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count);

}  // namespace framering::frame
