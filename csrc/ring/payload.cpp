#include "ring/payload.hpp"

#include <atomic>
#include <cstring>

#include "system/cpu_features.hpp"

namespace framering::ring {

namespace {

constexpr std::size_t kWord = sizeof(std::uint64_t);
constexpr std::size_t kLine = 64;
constexpr std::size_t kStretch = 2048;

// std::atomic_ref takes no const object before C++26; a load writes nothing.
std::uint64_t load(const std::uint64_t& word) {
  return std::atomic_ref(const_cast<std::uint64_t&>(word)).load(std::memory_order_relaxed);
}

void store(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
}

void load_words(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number) {
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

// The sanitizers don't see what assembly reads: they watch the portable path.
[[maybe_unused]] bool loads_with_avx2() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return false;
#else
  return includes(system::cpu_path(), system::CpuPath::avx2);
#endif
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
  std::size_t done = 0;
#if FRAMERING_X86_KERNELS
  static const bool avx2 = loads_with_avx2();
  if (avx2) {
    done = number / kLine * kLine;
    load_lines_avx2(bytes, words, done);
  }
#elif FRAMERING_NEON_KERNELS && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  done = number / kLine * kLine;
  load_lines_neon(bytes, words, done);
#endif
  load_words(bytes + done, words + done / kWord, number - done);
}

void warm_tlb(const std::uint64_t* words, std::size_t number) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words);
  for (std::size_t done = 0; done < number; done += kStretch) {
    __builtin_prefetch(bytes + done);
  }
}

void prefetch_to_load(const std::uint64_t* words, std::size_t number) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words);
  for (std::size_t done = 0; done < number; done += kLine) {
    __builtin_prefetch(bytes + done);
  }
}

void prefetch_to_store(const std::uint64_t* words, std::size_t first, std::size_t number) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(words) + first;
  for (std::size_t done = 0; done < number; done += kLine) {
    __builtin_prefetch(bytes + done, 1);
  }
}

}  // namespace framering::ring
