// Shifts of uint8 frame stacks: the random crops of padded images that DrQ augments batches with.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/scale_stacks.hpp"

namespace framering::frame {

// Fills `out`, (rows, stack, pixels), with each row's planes of `width` columns: the pixel (y, x)
// is the one at (y + down, x + right), or the nearest of the edge where that lies outside. `shifts`
// has down and right of each row.
void shift_stacks(const Stacks& stacks, std::size_t width, const std::int64_t* shifts,
                  std::uint8_t* out);

}  // namespace framering::frame
