#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <random>
#include <string>
#include <vector>

#include "encoding_reference.hpp"
#include "ring/encoding.hpp"

using namespace framering::ring;
using reference::Bytes;
using reference::kShapes;
using reference::Words;

namespace {

std::string describe(const FrameShape& shape) {
  return std::to_string(shape.bytes) + " bytes in rows of " + std::to_string(shape.row_bytes);
}

PaddedFrame padded(const FrameShape& shape, const Bytes& bytes) {
  PaddedFrame frame(shape);
  frame.assign(bytes.data());
  return frame;
}

Words joined(const EncodedFrame& encoded) {
  Words words(encoded.head.begin(), encoded.head.end());
  words.insert(words.end(), encoded.words.begin(), encoded.words.end());
  return words;
}

// Decodes words in a block that is no longer than what may be read, so that AddressSanitizer sees
// more.
std::size_t decode(FrameDecoder& decoder, const Words& words) {
  Words block = words;
  block.resize(words.size() + kReadBeyond, 0x5555555555555555);
  block.shrink_to_fit();
  return decoder.decode(std::span(block).first(words.size()));
}

Bytes decoded(const FrameDecoder& decoder, const FrameShape& shape) {
  return {decoder.frame(), decoder.frame() + shape.bytes};
}

// A decoder that holds a frame.
FrameDecoder decoder_with(const FrameShape& shape, const Bytes& frame) {
  FrameDecoder decoder(shape);
  FrameEncoder encoder(shape);
  REQUIRE(decode(decoder, joined(encoder.encode_alone(padded(shape, frame)))) > 0);
  return decoder;
}

// Decodes and compares with the reference. Returns what both return.
std::size_t decode_both(const FrameShape& shape, const Bytes& before, const Words& words) {
  Bytes expected = before;
  const std::size_t expected_size = reference::decode(shape, words, expected);
  FrameDecoder decoder = decoder_with(shape, before);
  const std::size_t size = decode(decoder, words);
  REQUIRE(size == expected_size);
  REQUIRE((decoded(decoder, shape) == expected));
  return size;
}

// Words that look like an encoded frame: few bits in the masks, and a size that may fit them.
Words nearly_encoded(const FrameShape& shape, std::mt19937_64& generator) {
  const bool delta = generator() % 2 == 0;
  const WordSequence sequence = delta ? shape.words() : shape.words_by_row();
  Words words(1 + sequence.further_masks());
  std::size_t groups = 0;
  for (std::size_t group = 0; group < sequence.groups() + generator() % 2; ++group) {
    if (generator() % 4 == 0 && (group < 32 || sequence.further_masks() > (group - 32) / 64)) {
      words[group < 32 ? 0 : 1 + (group - 32) / 64] |=
          std::uint64_t{1} << (group < 32 ? group + 32 : (group - 32) % 64);
      ++groups;
    }
  }
  std::size_t named = 0;
  for (std::size_t i = 0; i < groups; ++i) {
    std::uint64_t mask = generator();
    mask &= generator();
    mask &= generator();
    words.push_back(mask);
    named += static_cast<std::size_t>(std::popcount(mask));
  }
  for (std::size_t i = 0; i < named; ++i) {
    words.push_back(generator());
  }
  words[0] |= (words.size() + (generator() % 8 == 0 ? 1 : 0)) << 2U | (delta ? 1U : 2U);
  return words;
}

}  // namespace

TEST_CASE("frames of every kind come back from their encoding, which takes a word more at most") {
  std::mt19937_64 generator(1);
  for (const FrameShape& shape : kShapes) {
    CAPTURE(describe(shape));
    FrameEncoder encoder(shape);
    for (const Bytes& before : {Bytes(shape.bytes), reference::noise(shape.bytes, generator)}) {
      for (const auto& [name, frame] : reference::frames_after(shape, before, generator)) {
        CAPTURE(name);
        const PaddedFrame padded_before = padded(shape, before);
        const PaddedFrame padded_frame = padded(shape, frame);
        for (const bool alone : {false, true}) {
          CAPTURE(alone);
          const EncodedFrame encoded = alone ? encoder.encode_alone(padded_frame)
                                             : encoder.encode_after(padded_before, padded_frame);
          const Words words = joined(encoded);
          REQUIRE(words.size() == encoded.size());
          REQUIRE(words.size() <= (shape.bytes + 7) / 8 + 1);
          REQUIRE(encoded_size(words[0]) == words.size());
          REQUIRE(encoded_kind(words[0]) == encoded.kind);
          REQUIRE((alone ? encoded.kind != FrameKind::kDelta : true));
          REQUIRE(decode_both(shape, before, words) == words.size());
          FrameDecoder decoder = decoder_with(shape, before);
          decode(decoder, words);
          REQUIRE((decoded(decoder, shape) == frame));
        }
      }
    }
  }
}

TEST_CASE("a frame is encoded as whatever is smallest") {
  std::mt19937_64 generator(2);
  const FrameShape shape{.bytes = 7056, .row_bytes = 84};
  FrameEncoder encoder(shape);
  const PaddedFrame before = padded(shape, reference::noise(shape.bytes, generator));
  const auto kind_after = [&](const Bytes& bytes) {
    return encoder.encode_after(before, padded(shape, bytes)).kind;
  };
  Bytes changed(before.data(), before.data() + shape.bytes);
  CHECK(encoder.encode_after(before, before).size() == 1);
  CHECK(kind_after(changed) == FrameKind::kDelta);
  changed[5000] ^= 1U;
  CHECK(encoder.encode_after(before, padded(shape, changed)).size() == 3);
  CHECK(kind_after(changed) == FrameKind::kDelta);
  CHECK(kind_after(Bytes(shape.bytes, 7)) == FrameKind::kKey);
  CHECK(kind_after(Bytes(shape.bytes)) == FrameKind::kKey);
  CHECK(kind_after(reference::noise(shape.bytes, generator)) == FrameKind::kRaw);
  CHECK(encoder.encode_alone(before).kind == FrameKind::kRaw);
  CHECK(encoder.encode_alone(before).size() == 883);
  CHECK(encoder.encode_alone(padded(shape, Bytes(shape.bytes))).size() == 1);
}

TEST_CASE("of encodings of one size, the one that is decoded alone is taken") {
  const FrameShape shape{.bytes = 120, .row_bytes = 8};
  FrameEncoder encoder(shape);
  Bytes changed(shape.bytes);
  changed[119] = 1;
  const EncodedFrame encoded =
      encoder.encode_after(padded(shape, Bytes(shape.bytes)), padded(shape, changed));
  CHECK(encoded.size() == 3);
  CHECK(encoded.kind == FrameKind::kKey);
}

TEST_CASE("a delta that names many words is smaller than the frame alone") {
  std::mt19937_64 generator(3);
  for (const FrameShape& shape : kShapes) {
    CAPTURE(describe(shape));
    FrameEncoder encoder(shape);
    const Bytes before = reference::noise(shape.bytes, generator);
    for (const auto& [name, frame] : reference::frames_after(shape, before, generator)) {
      CAPTURE(name);
      const PaddedFrame padded_frame = padded(shape, frame);
      const std::size_t alone = encoder.encode_alone(padded_frame).size();
      const std::size_t after = encoder.encode_after(padded(shape, before), padded_frame).size();
      CHECK((after <= alone || after * 8 < shape.words().words));
    }
  }
}

TEST_CASE("zeros, no words, and half an encoded frame decode to nothing") {
  std::mt19937_64 generator(4);
  for (const FrameShape& shape : kShapes) {
    CAPTURE(describe(shape));
    const Bytes before = reference::noise(shape.bytes, generator);
    CHECK(decode_both(shape, before, {}) == 0);
    for (const std::size_t number : {std::size_t{1}, std::size_t{2}, shape.bytes / 8 + 2}) {
      CHECK(decode_both(shape, before, Words(number)) == 0);
    }
    FrameEncoder encoder(shape);
    for (const auto& [name, frame] : reference::frames_after(shape, before, generator)) {
      CAPTURE(name);
      Words words = joined(encoder.encode_after(padded(shape, before), padded(shape, frame)));
      words.pop_back();
      CHECK(decode_both(shape, before, words) == 0);
    }
  }
}

TEST_CASE("words behind an encoded frame are not decoded") {
  std::mt19937_64 generator(5);
  const FrameShape shape{.bytes = 7056, .row_bytes = 84};
  FrameEncoder encoder(shape);
  const Bytes before = reference::noise(shape.bytes, generator);
  for (const auto& [name, frame] : reference::frames_after(shape, before, generator)) {
    CAPTURE(name);
    Words words = joined(encoder.encode_after(padded(shape, before), padded(shape, frame)));
    const std::size_t size = words.size();
    words.resize(size + 100, ~std::uint64_t{0});
    CHECK(decode_both(shape, before, words) == size);
  }
}

TEST_CASE("any words decode as the reference decodes them, or to nothing and change nothing") {
  std::mt19937_64 generator(6);
  std::size_t decoded_ones = 0;
  for (const FrameShape& shape : kShapes) {
    CAPTURE(describe(shape));
    const std::size_t most = (shape.bytes + 7) / 8 + 1;
    const Bytes before = reference::noise(shape.bytes, generator);
    const int rounds = shape.bytes > 10'000 ? 60 : 600;
    for (int round = 0; round < rounds; ++round) {
      Words random(1 + generator() % (most + 3));
      std::ranges::generate(random, generator);
      decode_both(shape, before, random);
      // With a size that fits.
      random[0] = (random[0] & 0xffffffff00000003) | random.size() << 2U;
      decode_both(shape, before, random);
      decoded_ones += decode_both(shape, before, nearly_encoded(shape, generator)) > 0 ? 1U : 0U;
    }
  }
  CHECK(decoded_ones > 500);
}

TEST_CASE("encoded frames with flipped bits decode as the reference decodes them") {
  std::mt19937_64 generator(7);
  for (const FrameShape& shape : kShapes) {
    CAPTURE(describe(shape));
    FrameEncoder encoder(shape);
    const Bytes before = reference::noise(shape.bytes, generator);
    const int rounds = shape.bytes > 10'000 ? 6 : 60;
    for (const auto& [name, frame] : reference::frames_after(shape, before, generator)) {
      CAPTURE(name);
      for (const bool alone : {false, true}) {
        const Words words =
            joined(alone ? encoder.encode_alone(padded(shape, frame))
                         : encoder.encode_after(padded(shape, before), padded(shape, frame)));
        for (int round = 0; round < rounds; ++round) {
          Words flipped = words;
          // In the masks rather than in the words.
          const std::size_t reach =
              round % 2 == 0 ? std::min<std::size_t>(8, words.size()) : words.size();
          for (std::uint64_t flips = 1 + generator() % 3; flips > 0; --flips) {
            flipped[generator() % reach] ^= std::uint64_t{1} << generator() % 64;
          }
          decode_both(shape, before, flipped);
        }
      }
    }
  }
}
