#include "ring/transition.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace framering::ring {

namespace {

struct NextStep {
  std::uint64_t slot;
  Record record;
};

// The step whose obs ends in `slot`. It is the first transition after it, behind at most
// stack − 1 slots that only give context; where that one's obs ends elsewhere, there is none.
std::optional<NextStep> next_step(const Lane& lane, std::uint64_t slot, std::uint64_t high) {
  const std::uint64_t last = std::min(slot + lane.stack(), high - 1);
  for (std::uint64_t next = slot + 1; next <= last; ++next) {
    const Record record = lane.load_record(next);
    if (record.transition) {
      return next - record.distance == slot
                 ? std::optional(NextStep{.slot = next, .record = record})
                 : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

void require_n_step_params(const NStepParams& n_step_params) {
  if (n_step_params.n_step == 0) {
    throw std::invalid_argument("n_step: expected at least 1, got 0");
  }
  if (!(n_step_params.gamma >= 0 && n_step_params.gamma <= 1)) {
    throw std::invalid_argument("gamma: expected a number from 0 to 1, got " +
                                std::to_string(n_step_params.gamma));
  }
}

Transition read_transition(const Lane& lane, const SlotIndex& slot_index, const Record& first,
                           std::uint64_t high, const NStepParams& n_step_params) {
  NextStep last{.slot = slot_index.slot, .record = first};
  double reward = first.reward;
  double discount = n_step_params.gamma;
  std::uint64_t steps = 1;
  for (; steps < n_step_params.n_step && !last.record.terminated && !last.record.truncated;
       ++steps) {
    const auto next = next_step(lane, last.slot, high);
    if (!next) {
      break;
    }
    last = *next;
    reward += discount * last.record.reward;
    discount *= n_step_params.gamma;
  }
  return {.slot_index = slot_index,
          .obs_end = slot_index.slot - first.distance,
          .next_end = last.slot,
          .obs_age = first.obs_age,
          .next_age = last.record.age,
          .steps = steps,
          .reward = static_cast<float>(reward),
          .discount = static_cast<float>(discount),
          .terminated = last.record.terminated,
          .shifted = steps == 1 && first.shifted()};
}

std::vector<float> read_rewards(const Lane& lane, std::uint64_t slot, std::uint64_t steps,
                                std::uint64_t high) {
  std::vector<float> rewards{lane.load_record(slot).reward};
  while (rewards.size() < steps) {
    const auto next = next_step(lane, slot, high);
    if (!next) {
      break;
    }
    slot = next->slot;
    rewards.push_back(next->record.reward);
  }
  return rewards;
}

}  // namespace framering::ring
