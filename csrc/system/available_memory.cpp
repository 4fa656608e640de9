#include "system/available_memory.hpp"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>

#include "system/pages.hpp"

namespace framering::system {

namespace {

std::optional<std::uint64_t> requested_memory() {
  const char* text = std::getenv("FRAMERING_MEMORY");  // NOLINT(concurrency-mt-unsafe): at import
  if (text == nullptr || *text == '\0') {
    return std::nullopt;
  }
  const std::string digits(text);
  const char* end = digits.data() + digits.size();
  std::uint64_t bytes = 0;
  const auto [parsed, error] = std::from_chars(digits.data(), end, bytes);
  if (error != std::errc{} || parsed != end) {
    throw std::invalid_argument("FRAMERING_MEMORY: expected a number of bytes, got '" + digits +
                                "'; write 8000000000 for 8 GB");
  }
  return bytes;
}

}  // namespace

std::uint64_t available_memory() {
  static const std::optional<std::uint64_t> requested = requested_memory();
  return requested ? *requested : reported_memory();
}

}  // namespace framering::system
