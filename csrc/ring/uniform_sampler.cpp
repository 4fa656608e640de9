#include "ring/uniform_sampler.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace framering::ring {

UniformSampler::UniformSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity,
                               const Returns& returns)
    : ring_(std::move(ring)), returns_(returns), finder_(ring_, capacity) {
  require_returns(returns);
}

void UniformSampler::draw(std::span<Transition> rows, const Window* frozen, Generator& generator) {
  if (frozen == nullptr) {
    finder_.find(0, live_);
  }
  // All places first, so that their records come from memory together.
  for (Transition& row : rows) {
    row.place = draw_place(frozen == nullptr ? live_ : *frozen, generator);
    __builtin_prefetch(ring_->lane(row.place.lane).record(row.place.slot));
  }
  for (Transition& row : rows) {
    const auto accepted = accept(row.place, frozen);
    row = accepted ? *accepted : draw_one(frozen, generator);
  }
}

Transition UniformSampler::draw_again(const Window* frozen, Generator& generator) {
  if (frozen != nullptr) {
    throw Overtaken();
  }
  ++overtaken_;
  finder_.find(0, live_);
  return draw_one(nullptr, generator);
}

// By rejection: a slot drawn uniformly from the concatenated windows, again where it is no
// transition.
Transition UniformSampler::draw_one(const Window* frozen, Generator& generator) {
  for (;;) {
    const Place place = draw_place(frozen == nullptr ? live_ : *frozen, generator);
    if (const auto accepted = accept(place, frozen)) {
      return *accepted;
    }
  }
}

Place UniformSampler::draw_place(const Window& window, Generator& generator) {
  if (window.transitions == 0) {
    throw std::invalid_argument("there is no transition to sample: add some first");
  }
  const std::uint64_t drawn = generator.below(window.slots());
  const auto end = std::ranges::upper_bound(window.ends, drawn);
  const auto lane = static_cast<std::size_t>(end - window.ends.begin());
  return {.lane = lane, .slot = window.lanes[lane].high - (*end - drawn)};
}

// Nothing for a slot that is no transition, or was overtaken; then the live window is found anew.
std::optional<Transition> UniformSampler::accept(const Place& place, const Window* frozen) {
  const Lane lane = ring_->lane(place.lane);
  const auto record = lane.read_record(place.slot);
  if (!record) {
    if (frozen != nullptr) {
      throw Overtaken();
    }
    ++overtaken_;
    finder_.find(0, live_);
    return std::nullopt;
  }
  if (!record->transition) {
    return std::nullopt;
  }
  const Window& window = frozen == nullptr ? live_ : *frozen;
  return read_transition(lane, place, *record, window.lanes[place.lane].high, returns_);
}

}  // namespace framering::ring
