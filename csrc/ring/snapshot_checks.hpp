// What a snapshot must be like before a ring takes it. Each throws BadSnapshot.
#pragma once

#include <cstdint>

#include "ring/layout.hpp"
#include "ring/ring.hpp"
#include "ring/snapshot.hpp"

namespace framering::ring {

// The snapshot is of a ring with the same kind of slots.
void require_fit(const Geometry& found, const Geometry& own);

// A lane's bounds are in order, and its slots fit into the ring.
void require_bounds(const LaneBounds& bounds, const Geometry& geometry);

// Samplers rely on what writers make sure of: ordinals that count the transitions, and stacks that
// lie within what is kept. `capacity` is the most transitions that a lane may have.
void require_records(const Lane& lane, const LaneBounds& bounds, std::uint64_t capacity);

}  // namespace framering::ring
