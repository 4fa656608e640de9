#include <doctest/doctest.h>

#include <map>
#include <stdexcept>
#include <vector>

#include "ring/prioritized_sampler.hpp"
#include "ring/uniform_sampler.hpp"
#include "ring_fixture.hpp"

using namespace framering::ring;

namespace {

const std::uint64_t kAction = 0;

void write_episodes(const std::shared_ptr<Ring>& ring, std::size_t lane, int number, int length) {
  LaneWriter writer(ring, lane);
  for (int episode = 0; episode < number; ++episode) {
    writer.begin_segment(frame(0).data());
    for (int i = 1; i <= length; ++i) {
      writer.append(frame(i).data(), step(kAction));
    }
  }
}

std::map<std::pair<std::uint64_t, std::uint64_t>, int> counts(PrioritizedSampler& sampler,
                                                              int batches) {
  Generator generator(3);
  std::vector<PrioritizedRow> rows(16);
  std::map<std::pair<std::uint64_t, std::uint64_t>, int> found;
  for (int i = 0; i < batches; ++i) {
    sampler.draw(rows, nullptr, generator);
    for (const auto& row : rows) {
      ++found[{row.transition.slot_index.lane, row.transition.slot_index.slot}];
    }
  }
  return found;
}

}  // namespace

TEST_CASE("transitions are drawn in proportion to their priorities to the power of alpha") {
  const auto ring = small_ring(64, 2);
  write_episodes(ring, 0, 2, 4);  // slots 1–4 and 6–9
  write_episodes(ring, 1, 1, 3);
  PrioritizedSampler sampler(ring, 100, {}, 0.5);
  CHECK(counts(sampler, 10).size() == 11);
  const std::vector<SlotIndex> slot_indices{{0, 1}, {0, 2}, {1, 3}};
  const std::vector<double> priorities{4, 9, 0.25};
  sampler.update(slot_indices, priorities);
  auto found = counts(sampler, 10000);
  const double unit = 16 * 10000 / (2 + 3 + 0.5 + 8);
  CHECK(found[{0, 1}] == doctest::Approx(2 * unit).epsilon(0.03));
  CHECK(found[{0, 2}] == doctest::Approx(3 * unit).epsilon(0.03));
  CHECK(found[{1, 3}] == doctest::Approx(0.5 * unit).epsilon(0.05));
  CHECK(found[{0, 7}] == doctest::Approx(unit).epsilon(0.04));
  CHECK(found.size() == 11);

  sampler.set_alpha(1);
  found = counts(sampler, 10000);
  CHECK(found[{0, 2}] == doctest::Approx(9 * 160000 / (4 + 9 + 0.25 + 8)).epsilon(0.03));
}

TEST_CASE("new transitions come in at the highest priority, and old ones leave") {
  const auto ring = small_ring(30);
  write_episodes(ring, 0, 1, 10);
  PrioritizedSampler sampler(ring, 8, {}, 1);
  auto found = counts(sampler, 100);
  CHECK(found.size() == 8);
  CHECK(found.begin()->first.second == 3);
  const SlotIndex slot_index{0, 9};
  const double priority = 50;
  sampler.update({&slot_index, 1}, {&priority, 1});
  write_episodes(ring, 0, 1, 2);  // slots 12 and 13
  found = counts(sampler, 1000);
  CHECK(found.begin()->first.second == 5);
  CHECK(found[{0, 12}] == doctest::Approx(16000.0 * 50 / 155).epsilon(0.05));
  write_episodes(ring, 0, 20, 30);
  CHECK(counts(sampler, 100).size() == 8);
}

TEST_CASE("weights are the probabilities to the power of minus beta over the largest") {
  const std::vector<PrioritizedRow> rows{{{}, 1}, {{}, 4}, {{}, 16}};
  CHECK(importance_weights(rows, 0.5) == std::vector<float>{1, 0.5F, 0.25F});
  CHECK(importance_weights(rows, 0) == std::vector<float>{1, 1, 1});
}

TEST_CASE("slots that were never in the window are refused, those that left it are ignored") {
  const auto ring = small_ring(30);
  write_episodes(ring, 0, 1, 10);
  PrioritizedSampler sampler(ring, 8, {}, 1);
  const double priority = 100;
  const auto update = [&](SlotIndex slot_index) {
    sampler.update({&slot_index, 1}, {&priority, 1});
  };
  CHECK_THROWS_AS(update({0, 5}), std::out_of_range);  // nothing was sampled yet
  counts(sampler, 1);
  CHECK_THROWS_AS(update({0, 11}), std::out_of_range);
  CHECK_THROWS_AS(update({1, 5}), std::out_of_range);
  update({0, 1});
  CHECK(sampler.highest() == 1);
  write_episodes(ring, 0, 1, 1);
  counts(sampler, 1);
  CHECK_THROWS_AS(update({0, 11}), std::out_of_range);  // a segment's first frame
}

TEST_CASE("nothing to draw, an old window and an overwritten one are errors") {
  const auto ring = small_ring(30);
  PrioritizedSampler sampler(ring, 8, {}, 1);
  std::vector<PrioritizedRow> rows(1);
  Generator generator(1);
  CHECK_THROWS_AS(sampler.draw(rows, nullptr, generator), std::invalid_argument);
  write_episodes(ring, 0, 1, 5);
  Window old;
  sampler.windows().find(0, old);
  write_episodes(ring, 0, 1, 5);
  sampler.draw(rows, nullptr, generator);
  CHECK_THROWS_AS(sampler.draw(rows, &old, generator), std::invalid_argument);
  Window frozen;
  sampler.windows().find(0, frozen);
  write_episodes(ring, 0, 1, 60);
  CHECK_THROWS_AS(sampler.draw(rows, &frozen, generator), Overrun);
  CHECK_THROWS_AS(PrioritizedSampler(ring, 8, {}, -1), std::invalid_argument);
}
