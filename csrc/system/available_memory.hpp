// The memory that may be taken.
#pragma once

#include <cstdint>

namespace framering::system {

// What the system reports (see reported_memory), or FRAMERING_MEMORY, a number of bytes, where that
// is set: in virtual machines whose memory grows as it is used, the system reports too little.
// Throws std::invalid_argument where FRAMERING_MEMORY is no number.
std::uint64_t available_memory();

}  // namespace framering::system
