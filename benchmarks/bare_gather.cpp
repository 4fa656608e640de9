// A gather with nothing around it: memcpy of whole rows out of a block of memory, to compare with.
#include <cstdint>
#include <cstring>

extern "C" void bare_gather(std::uint8_t* out, const std::uint8_t* memory,
                            const std::uint64_t* offsets, std::uint64_t rows,
                            std::uint64_t row_bytes) {
  for (std::uint64_t row = 0; row < rows; ++row) {
    std::memcpy(out + row * row_bytes, memory + offsets[row], row_bytes);
  }
}
