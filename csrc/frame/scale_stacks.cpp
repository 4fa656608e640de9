#include "frame/scale_stacks.hpp"

#include <array>

namespace framering::frame {

namespace {

std::array<float, 256> quotients() {
  std::array<float, 256> table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = static_cast<float>(byte) / 255.0F;
  }
  return table;
}

}  // namespace

void scale_stacks(const Stacks& stacks, float* out, system::CpuPath path) {
#if defined(__x86_64__)
  if (path == system::CpuPath::avx2 && stacks.stack == 4) {
    scale_four_planes_avx2(stacks, out);
    return;
  }
#endif
  static_cast<void>(path);
  static const std::array<float, 256> table = quotients();
  for (std::size_t row = 0; row < stacks.rows; ++row) {
    const std::uint8_t* planes = stacks.bytes + row * stacks.row_stride;
    for (std::size_t pixel = 0; pixel < stacks.pixels; ++pixel) {
      for (std::size_t plane = 0; plane < stacks.stack; ++plane) {
        *out++ = table[planes[plane * stacks.pixels + pixel]];
      }
    }
  }
}

}  // namespace framering::frame
