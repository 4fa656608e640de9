// Palette lookup and max-pooling of the rows of two screens, which give the rows that are resized.
// The maximum is taken before or after the conversion to gray, as the reproduced library does it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "frame/preprocess_options.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

enum class PoolFormat : std::uint8_t {
  gray,  // the maximum of ALE's gray values
  luma,  // the maximum of RGB, converted to gray as OpenCV does
  rgb,   // the maximum of RGB, in three planes
};

// A value for each palette index. For the lookup in registers, which takes sixteen at a time, they
// are also stored by parity: a game shows even indices alone, or odd ones alone where a PAL console
// has lost its colours. Each half is eight groups of sixteen, and holds terms instead of values: a
// value is the exclusive or of the terms of all groups whose number has no bit that the value's
// group lacks. So AND and XOR select, and no byte blend (vpblendvb), which takes as many operations
// and makes a Skylake server lower its clock: the emulation that follows was 15 % slower.
struct alignas(32) LookupTable {
  std::array<std::uint8_t, 256> value;
  std::array<std::uint8_t, 128> even_terms;
  std::array<std::uint8_t, 128> odd_terms;
};

struct ColourTables {
  LookupTable gray;
  LookupTable luma;
  LookupTable red;
  LookupTable green;
  LookupTable blue;
};

const ColourTables& colour_tables(Palette palette);

PoolFormat pool_format(const PreprocessOptions& options);

constexpr std::size_t plane_count(PoolFormat format) { return format == PoolFormat::rgb ? 3 : 1; }

// OpenCV's RGB2GRAY on bytes.
constexpr std::uint8_t rgb_luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((9798 * red + 19235 * green + 3735 * blue + 16384) >> 15U);
}

// Flags of a row of the two stored screens.
constexpr unsigned row_changed = 1;        // differs from the call before
constexpr unsigned row_equal_in_both = 2;  // equal in both screens; stored in `last` alone
constexpr unsigned row_repeats_above = 4;  // equal to the row above, in both screens

// The two screens of the last call.
struct StoredScreens {
  std::uint8_t* last;
  std::uint8_t* previous;
  std::uint8_t* row_flags;  // one byte for each row
};

struct PoolingKernel {
  // Compares two screens with the stored ones, stores the rows that have changed and updates their
  // flags. With `all`, the stored screens are not valid yet, and every row counts as changed.
  void (*update_screens)(const std::uint8_t* last, const std::uint8_t* previous, std::size_t height,
                         std::size_t width, const StoredScreens& stored, bool all);

  // Converts rows of `width` bytes to plane_count(format) rows in `planes`, `stride` bytes apart.
  // `previous` is null where it equals `last`.
  void (*pool_row)(const ColourTables& tables, PoolFormat format, const std::uint8_t* last,
                   const std::uint8_t* previous, std::size_t width, std::uint8_t* planes,
                   std::size_t stride);

  // OpenCV's gray of three rows of `width` bytes, `stride` bytes apart.
  void (*luma_of_planes)(const std::uint8_t* planes, std::size_t stride, std::size_t width,
                         std::uint8_t* out);
};

// The fastest kernel of this path that can work on rows of `width` bytes.
PoolingKernel pooling_kernel(std::size_t width, system::CpuPath path);

// For rows of 32 bytes or more, on processors with AVX2. In row_pooling_avx2.cpp.
extern const PoolingKernel pooling_avx2;

}  // namespace framering::frame
