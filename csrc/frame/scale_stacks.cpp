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

void scale_stacks(const Stacks& stacks, float* out, [[maybe_unused]] system::CpuPath path) {
  static const std::array<float, 256> table = quotients();
  for (std::size_t row = 0; row < stacks.rows; ++row) {
    const std::uint8_t* planes = stacks.bytes + row * stacks.row_stride;
    std::size_t pixel = 0;
#if FRAMERING_X86_KERNELS
    if (includes(path, system::CpuPath::avx2) && stacks.stack == 4) {
      pixel = scale_four_planes_avx2(planes, stacks.pixels, out);
    }
#endif
    for (; pixel < stacks.pixels; ++pixel) {
      for (std::size_t plane = 0; plane < stacks.stack; ++plane) {
        out[pixel * stacks.stack + plane] = table[planes[plane * stacks.pixels + pixel]];
      }
    }
    out += stacks.pixels * stacks.stack;
  }
}

}  // namespace framering::frame
