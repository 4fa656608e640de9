// Settings of the Atari preprocessor.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "frame/shape.hpp"

namespace framering::frame {

// The order of the maximum of two screens, the conversion to gray and the resize, named after the
// library that uses it. The results differ in the last bits.
enum class Order : std::uint8_t {
  gymnasium,  // gray, maximum, resize; also ALE's own vector environment and EnvPool
  sb3,        // maximum of RGB, RGB to gray, resize
  cleanrl,    // maximum of RGB, resize of RGB, RGB to gray
};

// No member has a default: the defaults are those of framering.atari's settings.
struct PreprocessOptions {
  Shape screen;
  Shape output;
  Order order;
  Palette palette;
  // If false, the output is RGB and the order makes no difference: maximum of RGB, then resize.
  bool grayscale;

  [[nodiscard]] std::size_t output_bytes() const { return pixels(output) * (grayscale ? 1U : 3U); }
};

}  // namespace framering::frame
