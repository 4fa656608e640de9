// What an Atari preprocessor makes of its screens.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "frame/shape.hpp"

namespace framering::frame {

// In which order a library takes the maximum of two screens, gray and the resize; they differ in
// the last bits.
enum class Order : std::uint8_t {
  gymnasium,  // gray, maximum, resize: also ALE's own vector environment and EnvPool
  sb3,        // maximum of RGB, RGB to gray, resize
  cleanrl,    // maximum of RGB, resize of RGB, RGB to gray
};

struct PreprocessOptions {
  Shape screen{210, 160};
  Shape output{84, 84};
  Order order = Order::gymnasium;
  Palette palette = Palette::ntsc;
  // Without it the output is RGB, and the order makes no difference: maximum of RGB, then resize.
  bool grayscale = true;

  [[nodiscard]] std::size_t output_bytes() const { return pixels(output) * (grayscale ? 1U : 3U); }
};

}  // namespace framering::frame
