// Copies between a ring's payload words, which others may be reading or writing, and plain memory.
// Every word is a relaxed access through std::atomic_ref: obligation 1 of protocol.hpp.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

// Bytes are stored as whole words; the last word is filled up with zeros.
void store_payload(std::uint64_t* words, const std::uint8_t* bytes, std::size_t number);
void load_payload(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number);

// load_payload that asks for the memory at `ahead`, as many bytes, to be brought into the cache
// meanwhile, and for what lies behind `bytes` too. A gather waits for memory: with the next row on
// its way while one is copied, relaxed words are faster than memcpy without.
void load_payload(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number,
                  const std::uint64_t* ahead);

// Asks for some bytes of a payload, which will be stored soon, to be brought into the cache.
void prefetch_payload(const std::uint64_t* words, std::size_t first, std::size_t number);

}  // namespace framering::ring
