#include <doctest/doctest.h>

#include <numeric>
#include <string>
#include <vector>

#include "ring/hash.hpp"

using framering::ring::Hash;

namespace {

std::uint64_t hash(const std::string& text) {
  Hash hash;
  hash.update(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
  return hash.digest();
}

}  // namespace

TEST_CASE("the checksum is XXH64 with seed 0") {
  // From the reference implementation.
  CHECK(hash("") == 0xef46db3751d8e999);
  CHECK(hash("a") == 0xd24ec4f1a98c6e5b);
  CHECK(hash("abc") == 0x44bc2cf5ad770999);
  CHECK(hash("Nobody inspects the spammish repetition") == 0xfbcea83c8a378bf1);
}

TEST_CASE("the checksum does not depend on how the bytes come") {
  std::vector<std::uint8_t> bytes(1000);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  Hash whole;
  whole.update(bytes.data(), bytes.size());
  for (const std::size_t part : {1U, 7U, 31U, 32U, 33U, 500U}) {
    Hash parts;
    for (std::size_t begin = 0; begin < bytes.size(); begin += part) {
      parts.update(bytes.data() + begin, std::min(part, bytes.size() - begin));
    }
    CHECK(parts.digest() == whole.digest());
  }
}
