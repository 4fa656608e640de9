// The colours of the Atari 2600's palette indices, as the Arcade Learning Environment renders them.
#pragma once

#include <array>
#include <cstdint>

namespace framering::frame {

// ALE also supports SECAM, but no ROM that it ships runs as SECAM, so its colours could not be
// measured.
enum class Palette : std::uint8_t { ntsc, pal };

struct PaletteTable {
  std::array<std::uint8_t, 256> gray;
  std::array<std::uint8_t, 256> red;
  std::array<std::uint8_t, 256> green;
  std::array<std::uint8_t, 256> blue;
};

const PaletteTable& palette_table(Palette palette);

}  // namespace framering::frame
