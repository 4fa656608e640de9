#include "ring/uniform_sampler.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace framering::ring {

Overtaken::Overtaken()
    : std::runtime_error(
          "a writer has overwritten a part of the frozen window: freeze it with a larger guard") {}

UniformSampler::UniformSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity,
                               const Returns& returns)
    : ring_(std::move(ring)), returns_(returns), finder_(ring_, capacity) {
  if (returns.n_step == 0) {
    throw std::invalid_argument("n_step: expected at least 1, got 0");
  }
  if (!(returns.gamma >= 0 && returns.gamma <= 1)) {
    throw std::invalid_argument("gamma: expected a number from 0 to 1, got " +
                                std::to_string(returns.gamma));
  }
}

void UniformSampler::draw(std::span<Transition> rows, const Window* frozen, Generator& generator) {
  if (frozen == nullptr) {
    finder_.find(0, live_);
  }
  for (Transition& row : rows) {
    row = draw_one(frozen, generator);
  }
}

Transition UniformSampler::draw_again(const Window* frozen, Generator& generator) {
  if (frozen != nullptr) {
    throw Overtaken();
  }
  finder_.find(0, live_);
  return draw_one(nullptr, generator);
}

// By rejection: a slot drawn uniformly from the concatenated windows, again where it is no
// transition.
Transition UniformSampler::draw_one(const Window* frozen, Generator& generator) {
  const Window& window = frozen == nullptr ? live_ : *frozen;
  for (;;) {
    if (window.transitions == 0) {
      throw std::invalid_argument("there is no transition to sample: add some first");
    }
    const std::uint64_t drawn = generator.below(window.slots());
    const auto end = std::upper_bound(window.ends.begin(), window.ends.end(), drawn);
    const auto index = static_cast<std::size_t>(end - window.ends.begin());
    const LaneWindow& drawn_from = window.lanes[index];
    const Place place{index, drawn_from.high - (*end - drawn)};
    const Lane lane = ring_->lane(index);
    const auto record = lane.read_record(place.slot);
    if (!record && frozen != nullptr) {
      throw Overtaken();
    }
    if (!record) {
      finder_.find(0, live_);
    } else if (record->transition) {
      return read_transition(lane, place, *record, drawn_from.high, returns_);
    }
  }
}

}  // namespace framering::ring
