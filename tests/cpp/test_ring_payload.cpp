#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <vector>

#include "ring/payload.hpp"
#include "system/cpu_features.hpp"

using namespace framering::ring;
using framering::system::cpu_features;

namespace {

constexpr std::uint8_t kUntouched = 0xee;

struct Payload {
  explicit Payload(std::size_t number) : bytes(number), words((number + 7) / 8) {
    for (std::size_t i = 0; i < number; ++i) {
      bytes[i] = static_cast<std::uint8_t>(i * 7 + i / 251 + 1);
    }
    store_payload(words.data(), bytes.data(), number);
  }
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint64_t> words;
};

// Whether a function loads lines from a word on, to as many bytes beside an aligned address.
[[maybe_unused]] void require_lines(void (*load)(std::uint8_t*, const std::uint64_t*, std::size_t),
                                    std::size_t lines, std::size_t first) {
  const std::size_t number = lines * 64;
  Payload payload(first * 8 + number);
  std::vector<std::uint8_t> out(number + first + 64, kUntouched);
  load(out.data() + first, payload.words.data() + first, number);
  std::vector<std::uint8_t> expected(number + first + 64, kUntouched);
  if (number > 0) {
    std::memcpy(expected.data() + first, payload.bytes.data() + first * 8, number);
  }
  REQUIRE(out == expected);
}

}  // namespace

TEST_CASE("a payload of any length is loaded as it was stored, and nothing beside it is written") {
  for (std::size_t number = 0; number < 400; ++number) {
    CAPTURE(number);
    Payload payload(number);
    std::vector<std::uint8_t> out(number + 64, kUntouched);
    load_payload(out.data(), payload.words.data(), number);
    std::vector<std::uint8_t> expected = payload.bytes;
    expected.resize(number + 64, kUntouched);
    CHECK(out == expected);
  }
}

#if FRAMERING_X86_KERNELS
TEST_CASE("AVX2 loads lines from and to any word") {
  if (!cpu_features().avx2) {
    MESSAGE("this processor has no AVX2");
    return;
  }
  for (std::size_t lines = 0; lines < 5; ++lines) {
    for (std::size_t first = 0; first < 8; ++first) {
      require_lines(load_lines_avx2, lines, first);
    }
  }
}
#endif

#if FRAMERING_NEON_KERNELS
TEST_CASE("NEON loads lines from and to any word") {
  for (std::size_t lines = 0; lines < 5; ++lines) {
    for (std::size_t first = 0; first < 8; ++first) {
      require_lines(load_lines_neon, lines, first);
    }
  }
}
#endif
