// Copies between a ring's payload words, which others may be reading or writing, and plain memory.
// Every word is a relaxed access through std::atomic_ref (obligation 1 of protocol.hpp), or is
// loaded in assembly, outside the C++ memory model: payload_avx2.cpp says why that will do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

// Bytes are stored as whole words; the last word is filled up with zeros.
void store_payload(std::uint64_t* words, const std::uint8_t* bytes, std::size_t number);
void load_payload(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number);

// Asks for a payload that will be loaded soon: a line in each stretch of it. Gathered from all over
// a large ring, a payload waits for its address translations first; with them, the processor's own
// prefetching keeps up, and more requests than these only get in its way.
void warm_tlb(const std::uint64_t* words, std::size_t number);

// Asks for some bytes of a payload, which will be stored soon, to be brought into the cache.
void prefetch_payload(const std::uint64_t* words, std::size_t first, std::size_t number);

// load_payload of a multiple of 64 bytes, for processors with AVX2; in payload_avx2.cpp.
void load_lines_avx2(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number);

}  // namespace framering::ring
