// cv2.resize(..., interpolation=cv2.INTER_AREA) to a smaller size, bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

#include "frame/shape.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

// `image` holds from.height x from.width x channels bytes, `out` to.height x to.width x channels;
// they must not overlap. Each axis of `to` must be 1 or more and no longer than that of `from`, and
// there must be at least one channel. Repeated calls with the same sizes allocate nothing.
void resize_area(const std::uint8_t* image, Shape from, std::size_t channels, std::uint8_t* out,
                 Shape to, system::CpuPath path);

}  // namespace framering::frame
