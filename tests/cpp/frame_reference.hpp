// Plain implementations of what csrc/frame computes, step by step as the libraries define them. The
// fast kernels are tested against these, so they are written to be verified by reading.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "frame/preprocess_options.hpp"
#include "frame/shape.hpp"

namespace framering::test::reference {

// cv2.resize(..., interpolation=cv2.INTER_AREA) of a shrink: no axis of `to` is longer than
// `from`'s.
void resize_area(const std::uint8_t* image, frame::Shape from, int channels, std::uint8_t* out,
                 frame::Shape to);

// cv2.cvtColor(..., cv2.COLOR_RGB2GRAY).
void rgb_to_gray(const std::uint8_t* rgb, std::uint8_t* gray, std::size_t pixel_count);

// ALE's getScreenGrayscale and getScreenRGB, from the palette indices of getScreen.
void palette_to_gray(frame::Palette palette, const std::uint8_t* screen, std::uint8_t* gray,
                     std::size_t pixel_count);
void palette_to_rgb(frame::Palette palette, const std::uint8_t* screen, std::uint8_t* rgb,
                    std::size_t pixel_count);

// `previous` may be null: a single screen, no maximum.
void preprocess(const frame::PreprocessOptions& options, const std::uint8_t* last,
                const std::uint8_t* previous, std::uint8_t* out);

}  // namespace framering::test::reference
