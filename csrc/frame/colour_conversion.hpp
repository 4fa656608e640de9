// Whole images from one colour space to another, bit for bit as ALE and OpenCV do it. `path` is how
// it is done; the result is the same.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// ALE's getScreenGrayscale and getScreenRGB of a getScreen.
void palette_to_gray(Palette palette, const std::uint8_t* screen, std::uint8_t* gray,
                     std::size_t pixel_count, system::CpuPath path);
void palette_to_rgb(Palette palette, const std::uint8_t* screen, std::uint8_t* rgb,
                    std::size_t pixel_count);

// cv2.cvtColor(..., cv2.COLOR_RGB2GRAY).
void rgb_to_gray(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count,
                 system::CpuPath path);

// In colouring_avx2.cpp, for processors with AVX2: as many pixels as it does at a time. Returns how
// many those are.
std::size_t rgb_to_gray_avx2(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count);

}  // namespace framering::frame
