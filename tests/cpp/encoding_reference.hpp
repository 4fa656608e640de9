// A plain decoder of encoded frames, by what encoding.hpp says of them, and frames to encode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "ring/encoding.hpp"

namespace framering::ring::reference {

using Bytes = std::vector<std::uint8_t>;
using Words = std::vector<std::uint64_t>;

// Decodes into `frame`, which holds the frame before, and returns how many words that takes.
// Returns 0, with the frame as it was, where the words begin with no encoded frame.
std::size_t decode(const FrameShape& shape, std::span<const std::uint64_t> words, Bytes& frame);

// Frames of all kinds that an encoder may meet after a given one, each with its name.
struct Case {
  const char* name;
  Bytes frame;
};
std::vector<Case> frames_after(const FrameShape& shape, const Bytes& before,
                               std::mt19937_64& generator);

Bytes noise(std::size_t bytes, std::mt19937_64& generator);

// Rows that do and don't end at a word, in and beyond the registers' width; frames of one word, of
// whole groups, and of more groups than the header and one further mask have bits for.
inline const std::vector<FrameShape> kShapes{
    {.bytes = 1, .row_bytes = 1},       {.bytes = 8, .row_bytes = 8},
    {.bytes = 11, .row_bytes = 11},     {.bytes = 120, .row_bytes = 8},
    {.bytes = 600, .row_bytes = 15},    {.bytes = 1071, .row_bytes = 63},
    {.bytes = 1024, .row_bytes = 64},   {.bytes = 7056, .row_bytes = 84},
    {.bytes = 1152, .row_bytes = 128},  {.bytes = 1161, .row_bytes = 129},
    {.bytes = 3500, .row_bytes = 700},  {.bytes = 16384, .row_bytes = 128},  // 32 groups
    {.bytes = 16512, .row_bytes = 96},                                       // 33
    {.bytes = 49152, .row_bytes = 96},                                       // 96
    {.bytes = 49280, .row_bytes = 160},                                      // 97
    {.bytes = 100800, .row_bytes = 480}};                                    // 210 × 160 × 3

}  // namespace framering::ring::reference
