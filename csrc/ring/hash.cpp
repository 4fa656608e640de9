#include "ring/hash.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

namespace framering::ring {

namespace {

constexpr std::uint64_t kPrime1 = 0x9e3779b185ebca87;
constexpr std::uint64_t kPrime2 = 0xc2b2ae3d27d4eb4f;
constexpr std::uint64_t kPrime3 = 0x165667b19e3779f9;
constexpr std::uint64_t kPrime4 = 0x85ebca77c2b2ae63;
constexpr std::uint64_t kPrime5 = 0x27d4eb2f165667c5;

template <class Word>
std::uint64_t read(const std::uint8_t* bytes) {
  Word word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

std::uint64_t mix(std::uint64_t lane, std::uint64_t input) {
  return std::rotl(lane + input * kPrime2, 31) * kPrime1;
}

}  // namespace

void Hash::stripe(const std::uint8_t* bytes) {
  for (std::size_t i = 0; i < 4; ++i) {
    lanes_[i] = mix(lanes_[i], read<std::uint64_t>(bytes + i * sizeof(std::uint64_t)));
  }
}

void Hash::update(const std::uint8_t* bytes, std::size_t number) {
  if (number == 0) {
    return;  // memcpy takes no null pointer, not even for no bytes
  }
  total_ += number;
  if (pending_number_ > 0) {
    const std::size_t taken = std::min(number, kStripe - pending_number_);
    std::memcpy(pending_ + pending_number_, bytes, taken);
    pending_number_ += taken;
    bytes += taken;
    number -= taken;
    if (pending_number_ < kStripe) {
      return;
    }
    stripe(pending_);
    pending_number_ = 0;
  }
  for (; number >= kStripe; bytes += kStripe, number -= kStripe) {
    stripe(bytes);
  }
  std::memcpy(pending_, bytes, number);
  pending_number_ = number;
}

std::uint64_t Hash::digest() const {
  std::uint64_t hash = kPrime5;
  if (total_ >= kStripe) {
    hash = std::rotl(lanes_[0], 1) + std::rotl(lanes_[1], 7) + std::rotl(lanes_[2], 12) +
           std::rotl(lanes_[3], 18);
    for (const std::uint64_t lane : lanes_) {
      hash = (hash ^ mix(0, lane)) * kPrime1 + kPrime4;
    }
  }
  hash += total_;
  const std::uint8_t* bytes = pending_;
  std::size_t left = pending_number_;
  for (; left >= 8; bytes += 8, left -= 8) {
    hash = std::rotl(hash ^ mix(0, read<std::uint64_t>(bytes)), 27) * kPrime1 + kPrime4;
  }
  if (left >= 4) {
    hash = std::rotl(hash ^ (read<std::uint32_t>(bytes) * kPrime1), 23) * kPrime2 + kPrime3;
    bytes += 4;
    left -= 4;
  }
  for (; left > 0; ++bytes, --left) {
    hash = std::rotl(hash ^ (*bytes * kPrime5), 11) * kPrime1;
  }
  hash = (hash ^ (hash >> 33U)) * kPrime2;
  hash = (hash ^ (hash >> 29U)) * kPrime3;
  return hash ^ (hash >> 32U);
}

}  // namespace framering::ring
