// A transition of one or n steps, read from the arrival records: what a batch's row is made of.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "ring/gather.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

// How rewards are summed. n_step = 1 is the plain transition.
struct NStepParams {
  std::uint64_t n_step = 1;
  double gamma = 0.99;
};

// Throws std::invalid_argument for an n_step of 0 or a gamma beyond 0 to 1.
void require_n_step_params(const NStepParams& n_step_params);

struct Transition {
  SlotIndex slot_index;        // arrival slot of the first step; its action is the row's
  std::uint64_t obs_end = 0;   // slot in which obs ends
  std::uint64_t next_end = 0;  // slot in which next_obs ends
  std::uint32_t obs_age = 0;   // of obs_end
  std::uint32_t next_age = 0;  // of next_end
  std::uint64_t steps = 1;     // that were taken
  float reward = 0;            // Σ γ^i r_i
  float discount = 1;          // γ^steps: what the value of next_obs counts
  bool terminated = false;     // by the last step
  bool shifted = false;        // next_obs is obs shifted by one frame
};

// The transition whose first step arrived in a slot, `first` being that slot's record. Further
// steps are taken while the one before neither terminated nor was truncated, continues in the lane
// (its next_obs is the next step's obs), and arrived before slot `high`. Not checked for being
// whole: the caller does so after it has copied the frames.
Transition read_transition(const Lane& lane, const SlotIndex& slot_index, const Record& first,
                           std::uint64_t high, const NStepParams& n_step_params);

// The reward of each step of such a transition, in order. Not checked for being whole.
std::vector<float> read_rewards(const Lane& lane, std::uint64_t slot, std::uint64_t steps,
                                std::uint64_t high);

}  // namespace framering::ring
