// From two rows of palette indices to one row of what is resized: the palette looked up, and the
// maximum of both rows taken, in the order that a library takes them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "frame/palette.hpp"
#include "frame/preprocess_options.hpp"
#include "system/cpu_features.hpp"

namespace framering::frame {

enum class Colouring : std::uint8_t {
  gray,  // maximum of ALE's grays
  luma,  // maximum of RGB, then OpenCV's gray of it
  rgb,   // maximum of RGB; three planes
};

// A value for each palette index. Ordered a second time by parity for the lookup in registers,
// sixteen values each: games show even indices alone, or odd ones alone where PAL lost its colours.
struct alignas(32) LookUp {
  std::array<std::uint8_t, 256> value;
  std::array<std::uint8_t, 128> even;
  std::array<std::uint8_t, 128> odd;
};

struct ColourTables {
  LookUp gray;
  LookUp luma;
  LookUp red;
  LookUp green;
  LookUp blue;
};

const ColourTables& colour_tables(Palette palette);

Colouring colouring_of(const PreprocessOptions& options);

constexpr std::size_t plane_count(Colouring colouring) {
  return colouring == Colouring::rgb ? 3 : 1;
}

// OpenCV's RGB2GRAY on bytes.
constexpr std::uint8_t rgb_luma(unsigned red, unsigned green, unsigned blue) {
  return static_cast<std::uint8_t>((9798 * red + 19235 * green + 3735 * blue + 16384) >> 15U);
}

// What is known of a row of the two kept screens; its state is the sum of those that hold.
constexpr unsigned row_changed = 1;  // since the last call
constexpr unsigned row_paired = 2;   // the same in both screens; then only kept_last holds it
constexpr unsigned row_repeats = 4;  // the same as the row above, in both screens

struct KeptScreens {
  std::uint8_t* last;
  std::uint8_t* previous;
  std::uint8_t* states;  // one for each row
};

struct ColouringKernel {
  // Compares two screens with the kept ones, keeps the rows that have changed and brings their
  // states up to date. With `all`, nothing is known and every row counts as changed.
  void (*keep)(const std::uint8_t* last, const std::uint8_t* previous, std::size_t height,
               std::size_t width, const KeptScreens& kept, bool all);

  // Rows of `width` bytes; `planes` gets plane_count(colouring) rows of them, `stride` apart.
  // `previous` is null where it is the same as `last`.
  void (*colour_row)(const ColourTables& tables, Colouring colouring, const std::uint8_t* last,
                     const std::uint8_t* previous, std::size_t width, std::uint8_t* planes,
                     std::size_t stride);

  // OpenCV's gray of three rows of `width` bytes that lie `stride` apart.
  void (*luma_of_planes)(const std::uint8_t* planes, std::size_t stride, std::size_t width,
                         std::uint8_t* out);
};

// `width` picks a kernel that can work on rows of this length.
ColouringKernel colouring_kernel(std::size_t width, system::CpuPath path);

// In colouring_avx2.cpp; for rows of 32 bytes or more, on processors with AVX2.
extern const ColouringKernel colouring_avx2;

}  // namespace framering::frame
