#include "ring/prioritized_sampler.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "ring/overrun.hpp"

namespace framering::ring {

namespace {

void require_alpha(double alpha) {
  if (!(alpha >= 0 && alpha <= kLargestAlpha)) {
    throw std::invalid_argument("alpha: expected a number from 0 to 7, got " +
                                std::to_string(alpha));
  }
}

bool is_priority(double value) {
  const auto stored = static_cast<float>(value);
  return stored >= kSmallestPriority && stored <= kLargestPriority;
}

std::string shortest(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

std::vector<float> importance_weights(std::span<const PrioritizedRow> rows, double beta) {
  double least = std::numeric_limits<double>::max();
  for (const auto& row : rows) {
    least = std::min(least, row.probability);
  }
  std::vector<float> weights;
  weights.reserve(rows.size());
  for (const auto& row : rows) {
    weights.push_back(static_cast<float>(std::pow(row.probability / least, -beta)));
  }
  return weights;
}

PrioritizedSampler::PrioritizedSampler(std::shared_ptr<const Ring> ring, std::uint64_t capacity,
                                       const NStepParams& n_step_params, double alpha)
    : ring_(std::move(ring)),
      n_step_params_(n_step_params),
      finder_(ring_, capacity),
      taken_(ring_->geometry().lanes),
      priorities_(ring_->geometry().lanes * ring_->geometry().slots),
      tree_(priorities_.size()),
      alpha_(alpha) {
  require_n_step_params(n_step_params);
  require_alpha(alpha);
}

std::uint64_t PrioritizedSampler::leaf_of(const SlotIndex& slot_index) const {
  return slot_index.lane * ring_->geometry().slots + slot_index.slot % ring_->geometry().slots;
}

double PrioritizedSampler::power(float priority) const { return std::pow(priority, alpha_); }

void PrioritizedSampler::set_alpha(double alpha) {
  require_alpha(alpha);
  alpha_ = alpha;
  std::vector<double> leaves(priorities_.size());
  for (std::size_t leaf = 0; leaf < leaves.size(); ++leaf) {
    leaves[leaf] = priorities_[leaf] > 0 ? power(priorities_[leaf]) : 0;
  }
  tree_.set_range(0, leaves);
}

void PrioritizedSampler::draw(std::span<PrioritizedRow> rows, const Window* frozen,
                              Generator& generator) {
  if (frozen == nullptr) {
    finder_.find(0, live_);
  }
  take_in(frozen == nullptr ? live_ : *frozen);
  const double part = positive_total() / static_cast<double>(rows.size());
  // All slots first, so that their records come from memory together.
  double begin = 0;
  for (PrioritizedRow& row : rows) {
    row = find((begin + generator.uniform()) * part);
    begin += 1;
    __builtin_prefetch(
        ring_->lane(row.transition.slot_index.lane).record(row.transition.slot_index.slot));
  }
  for (PrioritizedRow& row : rows) {
    if (!complete(row, frozen)) {
      row = draw_again(frozen, generator);
    }
  }
}

PrioritizedRow PrioritizedSampler::draw_again(const Window* frozen, Generator& generator) {
  if (frozen != nullptr) {
    throw Overrun();
  }
  for (;;) {
    finder_.find(0, live_);
    take_in(live_);
    PrioritizedRow row = find(generator.uniform() * positive_total());
    if (complete(row, nullptr)) {
      return row;
    }
  }
}

// Reads the row's transition; false where a writer has overwritten it.
bool PrioritizedSampler::complete(PrioritizedRow& row, const Window* frozen) {
  const SlotIndex slot_index = row.transition.slot_index;
  const Lane lane = ring_->lane(slot_index.lane);
  const auto record = lane.read_record(slot_index.slot);
  if (!record) {
    return false;
  }
  const Window& window = frozen == nullptr ? live_ : *frozen;
  row.transition = read_transition(lane, slot_index, *record, window.lanes[slot_index.lane].high,
                                   n_step_params_);
  return true;
}

double PrioritizedSampler::positive_total() const {
  const double total = tree_.total();
  if (!(total > 0)) {
    throw std::invalid_argument("there is no transition to sample: add some first");
  }
  return total;
}

PrioritizedRow PrioritizedSampler::find(double position) const {
  const std::uint64_t slots = ring_->geometry().slots;
  const std::uint64_t leaf = tree_.find(position);
  const std::uint64_t lane = leaf / slots;
  // The newest slot taken in whose position this is.
  const std::uint64_t newest = taken_[lane].high - 1;
  const std::uint64_t slot = newest - (newest % slots + slots - leaf % slots) % slots;
  PrioritizedRow row;
  row.transition.slot_index = {.lane = lane, .slot = slot};
  row.probability = tree_.get(leaf);
  return row;
}

void PrioritizedSampler::take_in(const Window& window) {
  for (std::size_t lane = 0; lane < taken_.size(); ++lane) {
    if (window.lanes[lane].high < taken_[lane].high) {
      throw std::invalid_argument(
          "window: expected one no older than those sampled from before, got an older one");
    }
  }
  for (std::size_t lane = 0; lane < taken_.size(); ++lane) {
    Taken& taken = taken_[lane];
    const std::uint64_t high = window.lanes[lane].high;
    const std::uint64_t low = std::max(window.lanes[lane].low, taken.low);
    set_slots(lane, taken.low, std::min(low, taken.high), 0);
    set_slots(lane, std::max(low, taken.high), high, highest_);
    taken = {.low = low, .high = high};
  }
}

// Gives a priority to those of the slots first … last − 1 that are transitions.
void PrioritizedSampler::set_slots(std::size_t lane, std::uint64_t first, std::uint64_t last,
                                   double value) {
  constexpr std::uint64_t kChunk = 512;
  const std::uint64_t slots = ring_->geometry().slots;
  const Lane view = ring_->lane(lane);
  const auto priority = static_cast<float>(value);
  const double leaf_value = priority > 0 ? power(priority) : 0;
  std::array<double, kChunk> leaves{};
  while (first < last) {
    const std::uint64_t position = first % slots;
    const std::uint64_t number = std::min({kChunk, last - first, slots - position});
    for (std::uint64_t i = 0; i < number; ++i) {
      const bool present = value > 0 && view.load_record(first + i).transition;
      leaves[i] = present ? leaf_value : 0;
      priorities_[lane * slots + position + i] = present ? priority : 0;
    }
    tree_.set_range(lane * slots + position, std::span(leaves).first(number));
    first += number;
  }
}

std::vector<float> PrioritizedSampler::priorities(const Window& window) {
  take_in(window);
  std::vector<float> found;
  for (std::size_t lane = 0; lane < taken_.size(); ++lane) {
    for (std::uint64_t slot = window.lanes[lane].low; slot < window.lanes[lane].high; ++slot) {
      found.push_back(priorities_[leaf_of({.lane = lane, .slot = slot})]);
    }
  }
  return found;
}

void PrioritizedSampler::restore(const Window& window, std::span<const float> priorities,
                                 float highest) {
  const bool valid = std::ranges::all_of(
      priorities, [](float value) { return value >= 0 && value <= kLargestPriority; });
  if (priorities.size() != window.slots() || !valid ||
      !(highest > 0 && highest <= kLargestPriority)) {
    throw std::invalid_argument("the priorities do not fit the window: expected " +
                                std::to_string(window.slots()) +
                                " finite ones of at least 0, and a highest above 0, got " +
                                std::to_string(priorities.size()) + " and " + shortest(highest));
  }
  take_in(window);
  std::size_t next = 0;
  for (std::size_t lane = 0; lane < taken_.size(); ++lane) {
    for (std::uint64_t slot = window.lanes[lane].low; slot < window.lanes[lane].high; ++slot) {
      const std::uint64_t leaf = leaf_of({.lane = lane, .slot = slot});
      float priority = priorities[next++];
      if (priorities_[leaf] > 0 && priority > 0) {
        // Older snapshots may hold smaller ones.
        priority = std::max(priority, kSmallestPriority);
        priorities_[leaf] = priority;
        tree_.set(leaf, power(priority));
      }
    }
  }
  highest_ = std::max(highest, kSmallestPriority);
}

void PrioritizedSampler::update(std::span<const SlotIndex> slot_indices,
                                std::span<const double> priorities) {
  const auto wrong = std::ranges::find_if_not(priorities, is_priority);
  if (wrong != priorities.end()) {
    throw std::invalid_argument("priorities: expected numbers from " + shortest(kSmallestPriority) +
                                " to " + shortest(kLargestPriority) + ", got " + shortest(*wrong));
  }
  for (const SlotIndex& slot_index : slot_indices) {
    if (slot_index.lane >= taken_.size() || slot_index.slot >= taken_[slot_index.lane].high ||
        (slot_index.slot >= taken_[slot_index.lane].low &&
         !(priorities_[leaf_of(slot_index)] > 0))) {
      throw std::out_of_range("indices: slot " + std::to_string(slot_index.slot) + " of lane " +
                              std::to_string(slot_index.lane) + " was never sampled from");
    }
  }
  for (std::size_t i = 0; i < slot_indices.size(); ++i) {
    if (slot_indices[i].slot < taken_[slot_indices[i].lane].low) {
      continue;  // has left the window since it was sampled
    }
    const auto priority = static_cast<float>(priorities[i]);
    priorities_[leaf_of(slot_indices[i])] = priority;
    tree_.set(leaf_of(slot_indices[i]), power(priority));
    highest_ = std::max(highest_, priority);
  }
}

}  // namespace framering::ring
