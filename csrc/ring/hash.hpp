// The checksum of snapshots: XXH64 (Collet), which runs at memory speed and finds every single
// flipped bit. It guards against damage, not against forgery.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

class Hash {
 public:
  // Any number of bytes at a time; the result depends only on what they are in all.
  void update(const std::uint8_t* bytes, std::size_t number);
  [[nodiscard]] std::uint64_t digest() const;

 private:
  void stripe(const std::uint8_t* bytes);

  static constexpr std::size_t kStripe = 32;
  std::uint64_t lanes_[4] = {0x60ea27eeadc0b5d6, 0xc2b2ae3d27d4eb4f, 0, 0x61c8864e7a143579};
  std::uint8_t pending_[kStripe] = {};
  std::size_t pending_number_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace framering::ring
