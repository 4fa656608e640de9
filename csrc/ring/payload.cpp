#include "ring/payload.hpp"

#include <atomic>
#include <cstring>

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kLineWords = 8;
constexpr std::size_t kStoredAhead = 7168;  // bytes; no multiple of a page, whose lines share sets

// std::atomic_ref takes no const object before C++26; a load writes nothing.
std::uint64_t load(const std::uint64_t& word) {
  return std::atomic_ref(const_cast<std::uint64_t&>(word)).load(std::memory_order_relaxed);
}

void store(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
}

}  // namespace

void store_payload(std::uint64_t* words, const std::uint8_t* bytes, std::size_t number) {
  const std::size_t whole = number / kWord;
  for (std::size_t i = 0; i < whole; ++i) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes + i * kWord, kWord);
    store(words[i], value);
  }
  if (number % kWord != 0) {
    std::uint64_t value = 0;
    std::memcpy(&value, bytes + whole * kWord, number % kWord);
    store(words[whole], value);
  }
}

void load_payload(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number) {
  const std::size_t whole = number / kWord;
  for (std::size_t i = 0; i < whole; ++i) {
    const std::uint64_t value = load(words[i]);
    std::memcpy(bytes + i * kWord, &value, kWord);
  }
  if (number % kWord != 0) {
    const std::uint64_t value = load(words[whole]);
    std::memcpy(bytes + whole * kWord, &value, number % kWord);
  }
}

void load_payload(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number,
                  const std::uint64_t* ahead) {
  const std::size_t lines = number / (kLineWords * kWord);
  for (std::size_t line = 0; line < lines; ++line) {
    __builtin_prefetch(ahead + line * kLineWords);
    __builtin_prefetch(bytes + line * kLineWords * kWord + kStoredAhead, 1);
    for (std::size_t i = 0; i < kLineWords; ++i) {
      const std::uint64_t value = load(words[line * kLineWords + i]);
      std::memcpy(bytes + (line * kLineWords + i) * kWord, &value, kWord);
    }
  }
  const std::size_t done = lines * kLineWords;
  load_payload(bytes + done * kWord, words + done, number - done * kWord);
}

void prefetch_payload(const std::uint64_t* words, std::size_t first, std::size_t number) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words) + first;
  for (std::size_t done = 0; done < number; done += kLineWords * kWord) {
    __builtin_prefetch(bytes + done, 1);
  }
}

}  // namespace framering::ring
