#include <doctest/doctest.h>

#include <stdexcept>

#include "ring_fixture.hpp"

using namespace framering::ring;

namespace {

// A ring with its writer and, for each add, the number of slots that it took.
struct Fixture {
  std::shared_ptr<Ring> ring = small_ring(40);
  LaneWriter writer{ring, 0};

  std::uint64_t add(const Bytes& obs, const Bytes& next_obs, float reward = 0) {
    const std::uint64_t before = ring->lane(0).published();
    const std::uint64_t action = 0;
    const std::uint64_t slot = writer.add(obs.data(), next_obs.data(), step(action, reward));
    CHECK(stacks(*ring, slot) == std::pair(obs, next_obs));
    return ring->lane(0).published() - before;
  }
};

}  // namespace

TEST_CASE("append before a segment has begun is an error") {
  LaneWriter writer(small_ring(), 0);
  const std::uint64_t action = 0;
  CHECK_THROWS_AS(writer.append(frame(1).data(), step(action)), std::logic_error);
}

TEST_CASE("a segment's first frame is age 0 and no transition") {
  const auto ring = small_ring();
  LaneWriter writer(ring, 0);
  const std::uint64_t slot = writer.begin_segment(frame(1).data());
  const Record record = *ring->lane(0).read_record(slot);
  CHECK(record.age == 0);
  CHECK_FALSE(record.transition);
  CHECK(record.ordinal == 0);
}

TEST_CASE("an append stores the step that led to its frame") {
  const auto ring = small_ring();
  LaneWriter writer(ring, 0);
  writer.begin_segment(frame(1).data());
  const std::uint64_t action = 0x0102030405060708;
  const std::uint64_t slot = writer.append(frame(2).data(), step(action, 2.5F, false, true));
  const Record record = *ring->lane(0).read_record(slot);
  CHECK(record.transition);
  CHECK(record.shifted());
  CHECK(record.reward == 2.5F);
  CHECK_FALSE(record.terminated);
  CHECK(record.truncated);
  CHECK(record.age == 1);
  CHECK(record.ordinal == 1);
  std::uint64_t stored = 0;
  ring->lane(0).load_action(slot, reinterpret_cast<std::uint8_t*>(&stored));
  CHECK(stored == action);
}

TEST_CASE_FIXTURE(Fixture,
                  "a reset that repeats its frame costs one slot beside the transition's") {
  CHECK(add(stack({1, 1, 1}), stack({1, 1, 2})) == 2);
}

TEST_CASE_FIXTURE(Fixture, "a continuing add costs one slot") {
  add(stack({1, 1, 1}), stack({1, 1, 2}));
  CHECK(add(stack({1, 1, 2}), stack({1, 2, 3})) == 1);
  CHECK(add(stack({1, 2, 3}), stack({2, 3, 4})) == 1);
}

TEST_CASE_FIXTURE(Fixture, "a zero-padded reset costs two slots beside the transition's") {
  CHECK(add(stack({0, 0, 5}), stack({0, 5, 6})) == 3);
}

TEST_CASE_FIXTURE(Fixture, "an obs that does not continue starts a segment") {
  add(stack({1, 1, 1}), stack({1, 1, 2}));
  CHECK(add(stack({7, 8, 9}), stack({8, 9, 10})) == 4);
  CHECK(add(stack({7, 8, 9}), stack({8, 9, 10})) == 4);
}

TEST_CASE_FIXTURE(Fixture, "a next_obs that is not shifted is kept as a stack of its own") {
  add(stack({1, 1, 1}), stack({1, 1, 2}));
  CHECK(add(stack({1, 1, 2}), stack({7, 8, 9})) == 3);
  CHECK(add(stack({7, 8, 9}), stack({8, 9, 10})) == 1);
  CHECK(add(stack({8, 9, 10}), stack({4, 4, 4})) == 1);
}

TEST_CASE_FIXTURE(Fixture, "equal frames are no reason to share what must be told apart") {
  CHECK(add(stack({3, 3, 3}), stack({3, 3, 3})) == 2);
  CHECK(add(stack({3, 3, 3}), stack({3, 3, 3})) == 1);
  CHECK(add(stack({3, 3, 3}), stack({3, 4, 3})) == 3);
}

TEST_CASE_FIXTURE(Fixture, "any one frame that differs is noticed") {
  for (std::size_t index = 0; index < 3; ++index) {
    add(stack({1, 2, 3}), stack({2, 3, 4}));
    std::vector<int> obs{2, 3, 4};
    obs[index] = 9;
    add(stack(obs), stack({obs[1], obs[2], 5}));  // obs is not the newest stack
    std::vector<int> next_obs{obs[2], 5, 6};
    next_obs[index] = 9;
    add(stack({obs[1], obs[2], 5}), stack(next_obs));  // next_obs is not obs shifted
  }
}

TEST_CASE("a ring of single-frame observations takes any pair of them") {
  const auto ring = small_ring(8, 1, 1);
  LaneWriter writer(ring, 0);
  const std::uint64_t action = 0;
  for (const auto& [from, to] : {std::pair(1, 2), {2, 3}, {9, 9}, {1, 4}, {4, 4}}) {
    const std::uint64_t slot = writer.add(frame(from).data(), frame(to).data(), step(action));
    CHECK(stacks(*ring, slot) == std::pair(frame(from), frame(to)));
  }
}

TEST_CASE("the newest transitions survive many laps") {
  const auto ring = small_ring(9);
  LaneWriter writer(ring, 0);
  const std::uint64_t action = 0;
  writer.begin_segment(frame(0).data());
  for (int i = 1; i < 250; ++i) {
    writer.append(frame(i).data(), step(action));
    if (i > 8) {
      for (int back = 0; back < 6; ++back) {
        const int t = i - back;
        CHECK(stacks(*ring, static_cast<std::uint64_t>(t)) ==
              std::pair(stack({t - 3, t - 2, t - 1}), stack({t - 2, t - 1, t})));
      }
    }
  }
}

TEST_CASE("a successor goes on behind what is published, with a new segment") {
  const auto ring = small_ring();
  const std::uint64_t action = 0;
  {
    LaneWriter writer(ring, 0);
    writer.begin_segment(frame(1).data());
    writer.append(frame(2).data(), step(action));
    begin_write(ring->lane(0).counters(), 0);  // … and dies here, in slot 2
  }
  LaneWriter successor(ring, 0);
  CHECK_THROWS_AS(successor.append(frame(3).data(), step(action)), std::logic_error);
  CHECK(successor.begin_segment(frame(5).data()) == 2);
  const std::uint64_t slot = successor.append(frame(6).data(), step(action));
  CHECK(stacks(*ring, slot) == std::pair(stack({5, 5, 5}), stack({5, 5, 6})));
  CHECK(ring->lane(0).read_record(slot)->ordinal == 2);
}

TEST_CASE("a successor that resumes the segment writes what the predecessor would have") {
  const auto ring = small_ring();
  const std::uint64_t action = 1;
  {
    LaneWriter writer(ring, 0);
    writer.begin_segment(frame(1).data());
    writer.append(frame(2).data(), step(action));
  }
  LaneWriter successor(ring, 0);
  successor.resume_segment();
  const std::uint64_t slot = successor.append(frame(3).data(), step(action));
  CHECK(stacks(*ring, slot) == std::pair(stack({1, 1, 2}), stack({1, 2, 3})));
  CHECK(ring->lane(0).read_record(slot)->ordinal == 2);
}

TEST_CASE("there is no segment to resume in an empty lane") {
  LaneWriter writer(small_ring(), 0);
  CHECK_THROWS_AS(writer.resume_segment(), std::logic_error);
}
