// Copies between a ring's payload words, which others may be reading or writing, and plain memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::ring {

// Bytes are stored as whole words; the last word is filled up with zeros.
void store_payload(std::uint64_t* words, const std::uint8_t* bytes, std::size_t number);
void load_payload(std::uint8_t* bytes, const std::uint64_t* words, std::size_t number);

}  // namespace framering::ring
