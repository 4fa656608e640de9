#include <doctest/doctest.h>

#include <array>
#include <stdexcept>
#include <vector>

#include "ring/batch.hpp"
#include "ring/uniform_sampler.hpp"
#include "ring_fixture.hpp"

using namespace framering::ring;

namespace {

const std::uint64_t kAction = 0;

std::shared_ptr<Ring> ring_with_episode(int transitions, std::uint64_t slots = 64) {
  auto ring = small_ring(slots);
  LaneWriter writer(ring, 0);
  writer.begin_segment(frame(0).data());
  for (int i = 1; i <= transitions; ++i) {
    writer.append(frame(i).data(), step(kAction, static_cast<float>(i)));
  }
  return ring;
}

Transition read(const Ring& ring, std::uint64_t slot, const NStepParams& returns) {
  const Lane lane = ring.lane(0);
  return read_transition(lane, {0, slot}, transition_record(lane, {0, slot}), lane.published(),
                         returns);
}

}  // namespace

TEST_CASE("the generator is xoshiro256++") {
  // From the reference implementation's first outputs for the state 1, 2, 3, 4.
  Generator generator(0);
  generator.set_state({1, 2, 3, 4});
  CHECK(generator.next() == 41943041);
  CHECK(generator.next() == 58720359);
  CHECK(generator.next() == 3588806011781223);
}

TEST_CASE("a bounded draw is below its bound and reaches all of it") {
  Generator generator(1);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) {
    ++counts.at(generator.below(7));
  }
  for (const int count : counts) {
    CHECK(count > 9500);
    CHECK(count < 10500);
  }
}

TEST_CASE("a uniform draw is in [0, 1)") {
  Generator generator(1);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double value = generator.uniform();
    CHECK(value >= 0);
    CHECK(value < 1);
    sum += value;
  }
  CHECK(sum / 10000 == doctest::Approx(0.5).epsilon(0.02));
}

TEST_CASE("n steps sum their discounted rewards and bootstrap behind the last") {
  const auto ring = ring_with_episode(10);
  const Transition row = read(*ring, 3, {.n_step = 3, .gamma = 0.5});
  CHECK(row.reward == 3 + 0.5F * 4 + 0.25F * 5);
  CHECK(row.discount == 0.125F);
  CHECK(row.obs_end == 2);
  CHECK(row.next_end == 5);
  CHECK_FALSE(row.shifted);
}

TEST_CASE("n steps stop at the newest slot") {
  const auto ring = ring_with_episode(10);
  const Transition row = read(*ring, 9, {.n_step = 3, .gamma = 0.5});
  CHECK(row.reward == 9 + 0.5F * 10);
  CHECK(row.discount == 0.25F);
  CHECK(row.next_end == 10);
}

TEST_CASE("n steps stop where an episode ended, and where the lane was reset without saying so") {
  const auto ring = small_ring(64);
  LaneWriter writer(ring, 0);
  writer.begin_segment(frame(0).data());
  writer.append(frame(1).data(), step(kAction, 1, true, false));
  writer.append(frame(2).data(), step(kAction, 1, false, true));
  writer.append(frame(3).data(), step(kAction, 1));
  writer.begin_segment(frame(4).data());
  writer.append(frame(5).data(), step(kAction, 1));
  for (const std::uint64_t slot : {1U, 2U, 3U}) {
    CHECK(read(*ring, slot, {.n_step = 3, .gamma = 0.5}).reward == 1);
  }
  CHECK(read(*ring, 1, {.n_step = 3, .gamma = 0.5}).terminated);
  CHECK_FALSE(read(*ring, 2, {.n_step = 3, .gamma = 0.5}).terminated);
}

TEST_CASE("a row that is overwritten before it is copied is drawn again") {
  const auto ring = ring_with_episode(60);
  std::vector<Transition> rows{read(*ring, 10, {}), read(*ring, 58, {})};
  LaneWriter writer(ring, 0);
  for (int i = 0; i < 30; ++i) {
    writer.begin_segment(frame(200).data());
  }
  Bytes blocks(std::size_t{2} * 4 * kFrameBytes);
  std::vector<std::uint64_t> actions(2);
  std::vector<std::size_t> again;
  CHECK(gather_batch(*ring, rows,
                     {blocks.data(), nullptr, reinterpret_cast<std::uint8_t*>(actions.data())},
                     [&](std::size_t row) {
                       again.push_back(row);
                       return read(*ring, 50, {});
                     }));
  CHECK(again == std::vector<std::size_t>{0});
  CHECK(blocks == stack({47, 48, 49, 50, 55, 56, 57, 58}));
}

TEST_CASE("repeated draws are counted") {
  const auto ring = ring_with_episode(60);
  UniformSampler sampler(ring, 50, {});
  Generator generator(0);
  std::vector<Transition> rows(20);
  sampler.draw(rows, nullptr, generator);
  CHECK(sampler.overruns() == 0);
  static_cast<void>(sampler.draw_again(nullptr, generator));
  CHECK(sampler.overruns() == 1);
}

TEST_CASE("a row drawn again that fits no block is told") {
  const auto ring = ring_with_episode(60);
  std::vector<Transition> rows{read(*ring, 10, {})};
  LaneWriter writer(ring, 0);
  for (int i = 0; i < 30; ++i) {
    writer.begin_segment(frame(200).data());
  }
  const std::uint64_t jump =
      writer.add(stack({1, 2, 3}).data(), stack({4, 5, 6}).data(), step(kAction));
  Bytes blocks(4 * kFrameBytes);
  std::uint64_t action = 0;
  CHECK_FALSE(gather_batch(*ring, rows,
                           {blocks.data(), nullptr, reinterpret_cast<std::uint8_t*>(&action)},
                           [&](std::size_t) { return read(*ring, jump, {}); }));
}

TEST_CASE("a lane that only resets is no endless search") {
  const auto ring = small_ring(64);
  LaneWriter writer(ring, 0);
  for (int i = 0; i < 100; ++i) {
    writer.begin_segment(frame(i).data());
  }
  UniformSampler sampler(ring, 10, {});
  Generator generator(0);
  std::vector<Transition> rows(1);
  CHECK_THROWS_AS(sampler.draw(rows, nullptr, generator), std::invalid_argument);
}

TEST_CASE("a frozen window that was overwritten is an error") {
  const auto ring = ring_with_episode(60);
  UniformSampler sampler(ring, 1000, {});
  Window frozen;
  sampler.windows().find(0, frozen);
  LaneWriter writer(ring, 0);
  for (int i = 0; i < 64; ++i) {
    writer.begin_segment(frame(200).data());
  }
  Generator generator(0);
  std::vector<Transition> rows(1);
  CHECK_THROWS_AS(sampler.draw(rows, &frozen, generator), Overrun);
  CHECK_THROWS_AS(sampler.draw_again(&frozen, generator), Overrun);
}
