// cv2.resize(..., interpolation=cv2.INTER_AREA) of a shrink, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/shape.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// `image` holds from.height x from.width x channels bytes, `out` to.height x to.width x channels;
// they do not overlap. Needs a shrink: no axis of `to` longer than `from`'s, each 1 or more, and at
// least one channel. Repeated calls with the same sizes allocate nothing.
void resize_area(const std::uint8_t* image, Shape from, std::size_t channels, std::uint8_t* out,
                 Shape to, system::CpuPath path);

}  // namespace framering::frame
