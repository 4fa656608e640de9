#include "encoding_reference.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace framering::ring::reference {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);

struct NamedWord {
  std::size_t index;
  std::uint64_t value;
};

// The groups that the header and the further masks name, in order.
std::vector<std::size_t> named_groups(std::span<const std::uint64_t> words, std::size_t further) {
  std::vector<std::size_t> groups;
  for (std::size_t bit = 0; bit < 32; ++bit) {
    if ((words[0] >> (32 + bit) & 1U) != 0) {
      groups.push_back(bit);
    }
  }
  for (std::size_t bit = 0; bit < 64 * further; ++bit) {
    if ((words[1 + bit / 64] >> bit % 64 & 1U) != 0) {
      groups.push_back(32 + bit);
    }
  }
  return groups;
}

// The words that an encoded frame names, of a sequence of `number`; nothing where it is none.
std::optional<std::vector<NamedWord>> named_words(std::span<const std::uint64_t> encoded,
                                                  std::size_t number) {
  const std::size_t groups = (number + 63) / 64;
  const std::size_t further = groups <= 32 ? 0 : (groups - 32 + 63) / 64;
  if (encoded.size() < 1 + further) {
    return std::nullopt;
  }
  const std::vector<std::size_t> named = named_groups(encoded, further);
  std::size_t position = 1 + further + named.size();
  if (position > encoded.size()) {
    return std::nullopt;
  }
  std::vector<NamedWord> found;
  for (std::size_t i = 0; i < named.size(); ++i) {
    for (std::size_t bit = 0; bit < 64; ++bit) {
      if ((encoded[1 + further + i] >> bit & 1U) == 0) {
        continue;
      }
      const std::size_t index = named[i] * 64 + bit;
      if (index >= number || position == encoded.size()) {
        return std::nullopt;
      }
      found.push_back({.index = index, .value = encoded[position++]});
    }
    if (named[i] >= groups) {
      return std::nullopt;
    }
  }
  return position == encoded.size() ? std::optional(found) : std::nullopt;
}

// Stores a word at an offset, as much of it as the bytes have room for.
void store(std::uint64_t word, std::size_t offset, std::span<std::uint8_t> bytes) {
  std::memcpy(bytes.data() + offset, &word, std::min(kWord, bytes.size() - offset));
}

}  // namespace

std::size_t decode(const FrameShape& shape, std::span<const std::uint64_t> words, Bytes& frame) {
  if (words.empty()) {
    return 0;
  }
  const std::uint64_t kind = words[0] & 3U;
  const std::size_t size = words[0] >> 2U & 0x3fffffffU;
  const std::size_t frame_words = (shape.bytes + 7) / 8;
  if (kind == 0 || size > words.size() || size > frame_words + 1) {
    return 0;
  }
  if (kind == 3) {
    if (size != frame_words + 1) {
      return 0;
    }
    std::memcpy(frame.data(), words.data() + 1, shape.bytes);
    return size;
  }
  const std::size_t row_words = (shape.row_bytes + 7) / 8;
  const std::size_t rows = shape.bytes / shape.row_bytes;
  const auto named = named_words(words.first(size), kind == 1 ? frame_words : rows * row_words);
  if (!named) {
    return 0;
  }
  if (kind == 1) {
    for (const NamedWord& word : *named) {
      store(word.value, word.index * kWord, frame);
    }
    return size;
  }
  Words row(row_words);
  auto next = named->begin();
  for (std::size_t y = 0; y < rows; ++y) {
    for (; next != named->end() && next->index < (y + 1) * row_words; ++next) {
      row[next->index - y * row_words] = next->value;
    }
    std::memcpy(frame.data() + y * shape.row_bytes, row.data(), shape.row_bytes);
  }
  return size;
}

Bytes noise(std::size_t bytes, std::mt19937_64& generator) {
  Bytes frame(bytes);
  for (std::uint8_t& byte : frame) {
    byte = static_cast<std::uint8_t>(generator());
  }
  return frame;
}

std::vector<Case> frames_after(const FrameShape& shape, const Bytes& before,
                               std::mt19937_64& generator) {
  Bytes one_byte = before;
  one_byte[generator() % shape.bytes] ^= 0x10U;
  Bytes last_byte = before;
  last_byte.back() ^= 0x80U;
  Bytes first_byte = before;
  first_byte.front() ^= 1U;
  Bytes half = before;
  for (std::size_t i = 0; i < shape.bytes; i += 16) {
    half[i] ^= 1U;
  }
  Bytes rows(shape.bytes);
  const Bytes row = noise(shape.row_bytes, generator);
  for (std::size_t i = 0; i < shape.bytes; ++i) {
    rows[i] = row[i % shape.row_bytes];
  }
  Bytes blocks(shape.bytes);
  for (std::size_t i = 0; i < shape.bytes; ++i) {
    blocks[i] = static_cast<std::uint8_t>(i / (8 * shape.row_bytes) + i % shape.row_bytes / 24);
  }
  return {{.name = "equal", .frame = before},
          {.name = "one byte", .frame = one_byte},
          {.name = "last byte", .frame = last_byte},
          {.name = "first byte", .frame = first_byte},
          {.name = "every second word", .frame = half},
          {.name = "noise", .frame = noise(shape.bytes, generator)},
          {.name = "zeros", .frame = Bytes(shape.bytes)},
          {.name = "ones", .frame = Bytes(shape.bytes, 255)},
          {.name = "equal rows", .frame = rows},
          {.name = "blocks", .frame = blocks}};
}

}  // namespace framering::ring::reference
