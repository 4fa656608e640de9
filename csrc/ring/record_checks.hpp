// What samplers rely on in arrival records, and writers make sure of.
#pragma once

#include <cstdint>
#include <optional>

#include "ring/layout.hpp"

namespace framering::ring {

// The slots that a slot's observations read lie at most so many before it: those of the stack that
// ends at it and, for a transition, those of its obs.
std::uint64_t reach(const Record& record, std::uint64_t stack);

// Whether the slots that a transition reads are kept: `kept` slots before its own.
bool reads_kept_slots(const Record& record, std::uint64_t kept, std::uint64_t stack);

// Whether a slot's ordinal counts the lane's transitions; `before` is that of the slot before.
bool counts_transitions(const Record& record, std::uint64_t slot,
                        const std::optional<std::uint64_t>& before);

}  // namespace framering::ring
