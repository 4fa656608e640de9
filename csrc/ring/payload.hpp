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

// Prefetches one line of each part of a payload that will be loaded soon, so that its address
// translations are in the TLB by then. In a gather from all over a large ring, loads wait for those
// translations first. Once they are there, the processor's own prefetching keeps up, and further
// prefetches only delay it.
void warm_tlb(const std::uint64_t* words, std::size_t number);

// Prefetches a part of a payload that will be loaded soon.
void prefetch_to_load(const std::uint64_t* words, std::size_t number);

// Prefetches some bytes of a payload that will be stored soon.
void prefetch_to_store(const std::uint64_t* words, std::size_t first, std::size_t number);

// load_payload of a multiple of 64 bytes, for processors with AVX2; in payload_avx2.cpp.
void load_lines_avx2(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number);

// The same for aarch64; in payload_neon.cpp.
void load_lines_neon(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number);

}  // namespace framering::ring
