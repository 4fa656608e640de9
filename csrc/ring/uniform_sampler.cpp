#include "ring/uniform_sampler.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace framering::ring {

UniformSampler::UniformSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity,
                               const NStepParams& n_step_params)
    : ring_(std::move(ring)), n_step_params_(n_step_params), finder_(ring_, capacity) {
  require_n_step_params(n_step_params);
}

void UniformSampler::draw(std::span<Transition> rows, const Window* frozen, Generator& generator) {
  if (frozen == nullptr) {
    finder_.find(0, live_);
  }
  // All slots first, so that their records come from memory together.
  for (Transition& row : rows) {
    row.slot_index = draw_slot_index(frozen == nullptr ? live_ : *frozen, generator);
    __builtin_prefetch(ring_->lane(row.slot_index.lane).record(row.slot_index.slot));
  }
  for (Transition& row : rows) {
    const auto accepted = accept(row.slot_index, frozen);
    row = accepted ? *accepted : draw_one(frozen, generator);
  }
}

Transition UniformSampler::draw_again(const Window* frozen, Generator& generator) {
  if (frozen != nullptr) {
    throw Overrun();
  }
  ++overruns_;
  finder_.find(0, live_);
  return draw_one(nullptr, generator);
}

// By rejection: a slot drawn uniformly from the concatenated windows, again where it is no
// transition.
Transition UniformSampler::draw_one(const Window* frozen, Generator& generator) {
  for (;;) {
    const SlotIndex slot_index = draw_slot_index(frozen == nullptr ? live_ : *frozen, generator);
    if (const auto accepted = accept(slot_index, frozen)) {
      return *accepted;
    }
  }
}

SlotIndex UniformSampler::draw_slot_index(const Window& window, Generator& generator) {
  if (window.transitions == 0) {
    throw std::invalid_argument("there is no transition to sample: add some first");
  }
  const std::uint64_t drawn = generator.below(window.slots());
  const auto end = std::ranges::upper_bound(window.ends, drawn);
  const auto lane = static_cast<std::size_t>(end - window.ends.begin());
  return {.lane = lane, .slot = window.lanes[lane].high - (*end - drawn)};
}

// Nothing for a slot that is no transition, or was overwritten; then the live window is found anew.
std::optional<Transition> UniformSampler::accept(const SlotIndex& slot_index,
                                                 const Window* frozen) {
  const Lane lane = ring_->lane(slot_index.lane);
  const auto record = lane.read_record(slot_index.slot);
  if (!record) {
    if (frozen != nullptr) {
      throw Overrun();
    }
    ++overruns_;
    finder_.find(0, live_);
    return std::nullopt;
  }
  if (!record->transition) {
    return std::nullopt;
  }
  const Window& window = frozen == nullptr ? live_ : *frozen;
  return read_transition(lane, slot_index, *record, window.lanes[slot_index.lane].high,
                         n_step_params_);
}

}  // namespace framering::ring
