#include <doctest/doctest.h>

#include <bit>
#include <random>
#include <vector>

#include "encoding_reference.hpp"
#include "ring/encoding_kernels.hpp"
#include "system/cpu_features.hpp"

using namespace framering::ring;
using reference::Bytes;
using reference::kShapes;
using reference::Words;

#if defined(__x86_64__)

namespace {

bool has_avx2() { return framering::system::cpu_features().avx2; }

// Masks of a sequence of words, and room for one more mask.
Words random_masks(const WordSequence& sequence, std::mt19937_64& generator) {
  Words masks(sequence.groups() + 1);
  for (std::size_t group = 0; group < sequence.groups(); ++group) {
    const std::uint64_t density = generator() % 4;
    masks[group] = density == 0 ? 0 : density == 3 ? ~std::uint64_t{0} : generator();
    if (density == 2) {
      masks[group] &= generator();
      masks[group] &= generator();
    }
    masks[group] &= sequence.all(group);
  }
  return masks;
}

Words words_for(const Words& masks, std::mt19937_64& generator) {
  std::size_t number = 0;
  for (const std::uint64_t mask : masks) {
    number += static_cast<std::size_t>(std::popcount(mask));
  }
  Words words(number + kReadBeyond);
  for (std::uint64_t& word : words) {
    word = generator();
  }
  return words;
}

}  // namespace

TEST_CASE("both code paths find the same words that differ, and count the same bits") {
  if (!has_avx2()) {
    return;
  }
  std::mt19937_64 generator(1);
  for (int round = 0; round < 2000; ++round) {
    const Bytes a = reference::noise(kGroupWords * 8, generator);
    Bytes b = a;
    std::uint64_t expected = 0;
    for (std::uint64_t changes = generator() % 70; changes > 0; --changes) {
      const std::size_t byte = generator() % b.size();
      b[byte] = static_cast<std::uint8_t>(~a[byte]);
      expected |= std::uint64_t{1} << byte / 8;
    }
    REQUIRE(kPortableEncoding.differing(a.data(), b.data()) == expected);
    REQUIRE(kAvx2Encoding.differing(a.data(), b.data()) == expected);

    Words masks(generator() % 40);
    std::size_t bits = 0;
    for (std::uint64_t& mask : masks) {
      mask = generator();
      bits += static_cast<std::size_t>(std::popcount(mask));
    }
    REQUIRE(kPortableEncoding.count_bits(masks.data(), masks.size()) == bits);
    REQUIRE(kAvx2Encoding.count_bits(masks.data(), masks.size()) == bits);
  }
}

TEST_CASE("both code paths decode the same delta") {
  if (!has_avx2()) {
    return;
  }
  std::mt19937_64 generator(2);
  for (const FrameShape& shape : kShapes) {
    CAPTURE(shape.bytes);
    const WordSequence sequence = shape.words();
    for (int round = 0; round < 30; ++round) {
      const Words masks = random_masks(sequence, generator);
      const Words words = words_for(masks, generator);
      Words head(1 + sequence.further_masks());
      Words named;
      for (std::size_t group = 0; group < sequence.groups(); ++group) {
        if (masks[group] != 0) {
          head[group < 32 ? 0 : 1 + (group - 32) / 64] |=
              std::uint64_t{1} << (group < 32 ? group + 32 : (group - 32) % 64);
          named.push_back(masks[group]);
        }
      }
      const CheckedFrame delta{
          .group_masks = head.data(), .word_masks = named.data(), .words = words.data()};
      Bytes portable = reference::noise(sequence.groups() * kGroupWords * 8, generator);
      Bytes avx2 = portable;
      kPortableEncoding.decode_delta(delta, sequence.further_masks(), portable.data());
      kAvx2Encoding.decode_delta(delta, sequence.further_masks(), avx2.data());
      REQUIRE((portable == avx2));
    }
  }
}

TEST_CASE("both code paths decode the same key frame, in rows of 1 to 700 bytes") {
  if (!has_avx2()) {
    return;
  }
  std::mt19937_64 generator(3);
  for (std::size_t row_bytes = 1; row_bytes <= 700; ++row_bytes) {
    CAPTURE(row_bytes);
    const FrameShape shape{.bytes = row_bytes * (1 + generator() % 20), .row_bytes = row_bytes};
    const Words masks = random_masks(shape.words_by_row(), generator);
    const Words words = words_for(masks, generator);
    const auto decode = [&](const EncodingKernels& kernels) {
      Bytes frame(shape.bytes + kKernelRoom);
      Bytes row(shape.row_words() * 8 + kKernelRoom);
      kernels.decode_key(masks.data(), words.data(), shape.rows(), shape.row_bytes, row.data(),
                         frame.data());
      frame.resize(shape.bytes);
      return frame;
    };
    REQUIRE((decode(kPortableEncoding) == decode(kAvx2Encoding)));
  }
}

#endif
