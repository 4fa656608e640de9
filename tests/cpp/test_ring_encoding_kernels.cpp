#include <doctest/doctest.h>

#include <algorithm>
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

namespace {

struct Path {
  const char* name;
  const EncodingKernels* kernels;
};

// Those that this processor runs.
std::vector<Path> paths() {
  std::vector<Path> all{{.name = "portable", .kernels = &kPortableEncoding}};
#if FRAMERING_X86_KERNELS
  if (framering::system::cpu_features().avx2) {
    all.push_back({.name = "avx2", .kernels = &kAvx2Encoding});
  }
  if (framering::system::cpu_features().avx512) {
    all.push_back({.name = "avx512", .kernels = &kAvx512Encoding});
  }
#endif
  return all;
}

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

// The masks of an encoded frame that names what `masks` name, one for each group.
struct Head {
  Head(const WordSequence& sequence, const Words& masks) : further(sequence.further_masks()) {
    group_masks.resize(1 + further);
    for (std::size_t group = 0; group < sequence.groups(); ++group) {
      if (masks[group] != 0) {
        group_masks[group < 32 ? 0 : 1 + (group - 32) / 64] |=
            std::uint64_t{1} << (group < 32 ? group + 32 : (group - 32) % 64);
        word_masks.push_back(masks[group]);
      }
    }
  }

  [[nodiscard]] NamedWords named() const {
    return {.group_masks = group_masks.data(),
            .further_masks = further,
            .word_masks = word_masks.data()};
  }

  std::size_t further;
  Words group_masks;
  Words word_masks;
};

bool names(const Words& masks, std::size_t word) {
  return (masks[word / kGroupWords] >> word % kGroupWords & 1U) != 0;
}

}  // namespace

TEST_CASE("every code path finds the words that differ, and counts bits") {
  std::mt19937_64 generator(1);
  for (int round = 0; round < 2000; ++round) {
    const std::size_t groups = 1 + generator() % 3;
    const Bytes a = reference::noise(groups * kGroupWords * 8, generator);
    Bytes b = a;
    Words expected(groups);
    for (std::uint64_t changes = generator() % 140; changes > 0; --changes) {
      const std::size_t byte = generator() % b.size();
      b[byte] = static_cast<std::uint8_t>(~a[byte]);
      expected[byte / 8 / kGroupWords] |= std::uint64_t{1} << byte / 8 % kGroupWords;
    }
    Words masks(generator() % 40);
    std::size_t bits = 0;
    for (std::uint64_t& mask : masks) {
      mask = generator();
      bits += static_cast<std::size_t>(std::popcount(mask));
    }
    for (const auto& [name, kernels] : paths()) {
      CAPTURE(name);
      Words found(groups);
      kernels->differing(a.data(), b.data(), groups, found.data());
      REQUIRE((found == expected));
      REQUIRE(kernels->count_bits(masks.data(), masks.size()) == bits);
    }
  }
}

TEST_CASE("every code path packs the named words, and copies them to where they are named") {
  std::mt19937_64 generator(2);
  for (const FrameShape& shape : kShapes) {
    CAPTURE(shape.bytes);
    const WordSequence sequence = shape.words();
    for (int round = 0; round < 30; ++round) {
      const Words masks = random_masks(sequence, generator);
      const Head head(sequence, masks);
      Words words = words_for(masks, generator);
      const std::size_t number = words.size() - kReadBeyond;
      Words frame(sequence.groups() * kGroupWords);
      for (std::uint64_t& word : frame) {
        word = generator();
      }
      Words expected = frame;
      const std::uint64_t* next = words.data();
      for (std::size_t word = 0; word < expected.size(); ++word) {
        if (names(masks, word)) {
          expected[word] = *next++;
        }
      }
      for (const auto& [name, kernels] : paths()) {
        CAPTURE(name);
        Words unpacked = frame;
        auto* const bytes = reinterpret_cast<std::uint8_t*>(unpacked.data());
        kernels->unpack(head.named(), words.data(), bytes);
        REQUIRE((unpacked == expected));
        Words packed(number + kKernelRoom / 8);
        kernels->pack(head.named(), bytes, packed.data());
        REQUIRE(std::equal(words.begin(), words.end() - kReadBeyond, packed.begin()));
      }
    }
  }
}

TEST_CASE("every code path fills rows of 1 to 700 bytes up with zeros") {
  std::mt19937_64 generator(4);
  for (std::size_t row_bytes = 1; row_bytes <= 700; ++row_bytes) {
    CAPTURE(row_bytes);
    const FrameShape shape{.bytes = row_bytes * (1 + generator() % 20), .row_bytes = row_bytes};
    const Bytes frame = reference::noise(shape.bytes + kKernelRoom, generator);
    const std::size_t aligned_bytes = shape.row_words() * 8;
    Bytes expected(shape.rows() * aligned_bytes);
    for (std::size_t i = 0; i < shape.bytes; ++i) {
      expected[i / row_bytes * aligned_bytes + i % row_bytes] = frame[i];
    }
    for (const auto& [name, kernels] : paths()) {
      CAPTURE(name);
      Bytes aligned(expected.size() + kKernelRoom);
      kernels->align_rows(frame.data(), shape.rows(), row_bytes, aligned.data());
      aligned.resize(expected.size());
      REQUIRE((aligned == expected));
    }
  }
}

TEST_CASE("every code path decodes key frames in rows of 1 to 700 bytes") {
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
    const Bytes expected = decode(kPortableEncoding);
    for (const auto& [name, kernels] : paths()) {
      CAPTURE(name);
      REQUIRE((decode(*kernels) == expected));
    }
  }
}
