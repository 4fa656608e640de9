// Copying a batch of transitions out of the ring while its writers go on.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "ring/transition.hpp"

namespace framering::ring {

// Where a batch of B rows goes. Without next_obs, obs takes shared blocks (B, stack + 1, frame),
// else each takes stacks (B, stack, frame).
struct BatchOutput {
  std::uint8_t* obs = nullptr;
  std::uint8_t* next_obs = nullptr;
  std::uint8_t* actions = nullptr;  // (B, action_bytes)
};

// Copies the rows. A row that its lane's writer has overwritten is replaced by what `draw_again`
// returns for its index. Returns false where shared blocks are asked for and a replacement does not
// fit one: gather the rows, as they are now, into stacks.
bool gather_batch(const Ring& ring, std::span<Transition> rows, const BatchOutput& output,
                  const std::function<Transition(std::size_t)>& draw_again);

}  // namespace framering::ring
