// The ring under fire: writers that lap small lanes without pause, readers that check every word.
//
//   framering_stress threads|processes raw|encoded [words]
//
// Every word of a slot is a function of lane, slot number and place in the slot, so that a torn,
// lost, duplicated or stale transition shows itself. Ends with 1 as soon as a wrong one was read.
//
// Encoded frames are noise for some time, so that slots are dropped for want of memory, and then
// nearly constant, so that pages are given back right behind the oldest slot.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ring/batch.hpp"
#include "ring/gather.hpp"
#include "ring/lane_writer.hpp"
#include "ring/uniform_sampler.hpp"
#include "system/parent_death.hpp"

namespace {

using namespace framering::ring;

constexpr std::uint64_t kLanes = 2;
constexpr std::uint64_t kStack = 3;
constexpr std::uint64_t kRowBytes = 68;
constexpr std::uint64_t kFrameBytes = 15 * kRowBytes;  // no whole words, neither of rows
constexpr std::uint64_t kFrameWords = (kFrameBytes + 7) / 8;
constexpr std::uint64_t kEpisode = 23;  // slots from one segment's start to the next
constexpr std::uint64_t kPhase = 100;   // slots with noise, then as many without
constexpr Geometry kRaw{
    .lanes = kLanes, .slots = 11, .frame_bytes = kFrameBytes, .stack = kStack, .action_bytes = 8};
// Noise fills an arena with fewer slots. A step of memory is an eighth of it: two pages.
constexpr Geometry kEncoded{.lanes = kLanes,
                            .slots = 80,
                            .frame_bytes = kFrameBytes,
                            .stack = kStack,
                            .action_bytes = 8,
                            .row_bytes = kRowBytes,
                            .memory_limit = kLanes * std::uint64_t{72} * 1024};

using Frame = std::vector<std::uint8_t>;

std::uint64_t word(std::uint64_t lane, std::uint64_t slot, std::uint64_t position) {
  std::uint64_t mixed = (lane << 56U) ^ (slot << 16U) ^ position;
  mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9;
  return mixed ^ (mixed >> 31U);
}

void put(Frame& frame, std::uint64_t position, std::uint64_t value) {
  const std::size_t offset = position * sizeof(value);
  std::memcpy(frame.data() + offset, &value, std::min(sizeof(value), kFrameBytes - offset));
}

// The same words in both geometries.
void fill(Frame& frame, std::uint64_t lane, std::uint64_t slot) {
  if (slot / kPhase % 2 == 0) {
    for (std::uint64_t position = 0; position < kFrameWords; ++position) {
      put(frame, position, word(lane, slot, position));
    }
    return;
  }
  std::ranges::fill(frame, static_cast<std::uint8_t>(word(lane, slot / kPhase, 0)));
  for (std::uint64_t i = 0; i < 3; ++i) {
    put(frame, (slot * 7 + i * 41) % kFrameWords, word(lane, slot, i));
  }
}

// Writes until told to stop. Slots 0, 23, 46, … start segments.
void write_lane(const std::shared_ptr<const Ring>& ring, std::uint64_t lane,
                const std::atomic<bool>& stop) {
  LaneWriter writer(ring, lane);
  Frame frame(kFrameBytes);
  for (std::uint64_t slot = ring->lane(lane).published(); !stop.load(std::memory_order_relaxed);
       ++slot) {
    fill(frame, lane, slot);
    if (slot % kEpisode == 0) {
      writer.begin_segment(frame.data());
      continue;
    }
    const std::uint64_t action = word(lane, slot, kFrameWords);
    writer.append(frame.data(), {.action = reinterpret_cast<const std::uint8_t*>(&action),
                                 .reward = static_cast<float>(slot % 1000),
                                 .terminated = slot % 3 == 0,
                                 .truncated = false});
  }
}

struct Tally {
  std::atomic<std::uint64_t> words{0};
  std::atomic<std::uint64_t> wrong{0};
  std::atomic<std::uint64_t> redrawn{0};
};

// Whether a gathered stack is the one that ends at `slot`.
bool is_stack(const std::uint8_t* stack, std::uint64_t lane, std::uint64_t slot, Frame& expected) {
  for (std::uint64_t back = kStack; back-- > 0; stack += kFrameBytes) {
    fill(expected, lane, slot - std::min(back, slot % kEpisode));
    if (std::memcmp(stack, expected.data(), kFrameBytes) != 0) {
      return false;
    }
  }
  return true;
}

bool is_right(const Transition& row, const std::uint8_t* obs, const std::uint8_t* next_obs,
              std::uint64_t action, Frame& expected) {
  const auto [lane, slot] = row.slot_index;
  return slot % kEpisode != 0 && row.obs_end == slot - 1 && row.next_end == slot &&
         row.reward == static_cast<float>(slot % 1000) && row.terminated == (slot % 3 == 0) &&
         action == word(lane, slot, kFrameWords) && is_stack(obs, lane, slot - 1, expected) &&
         is_stack(next_obs, lane, slot, expected);
}

// Samples as a learner does, and checks what it gets, until enough words were read.
void read_lanes(const std::shared_ptr<const Ring>& ring, std::uint64_t seed, std::uint64_t words,
                Tally& tally) {
  constexpr std::size_t kBatch = 4;
  constexpr std::size_t kStackBytes = kStack * kFrameBytes;
  UniformSampler sampler(ring, ring->geometry().slots, {.n_step = 1, .gamma = 1});
  Generator generator(seed);
  Frame obs(kBatch * kStackBytes);
  Frame next_obs(kBatch * kStackBytes);
  Frame expected(kFrameBytes);
  std::vector<std::uint64_t> actions(kBatch);
  std::vector<Transition> rows(kBatch);
  while (tally.words.load(std::memory_order_relaxed) < words && tally.wrong.load() == 0) {
    sampler.draw(rows, nullptr, generator);
    gather_batch(*ring, rows,
                 {obs.data(), next_obs.data(), reinterpret_cast<std::uint8_t*>(actions.data())},
                 [&](std::size_t) {
                   tally.redrawn.fetch_add(1, std::memory_order_relaxed);
                   return sampler.draw_again(nullptr, generator);
                 });
    for (std::size_t i = 0; i < kBatch; ++i) {
      if (!is_right(rows[i], obs.data() + i * kStackBytes, next_obs.data() + i * kStackBytes,
                    actions[i], expected)) {
        tally.wrong.fetch_add(1);
      }
    }
    tally.words.fetch_add(kBatch * 2 * kStack * kFrameWords, std::memory_order_relaxed);
  }
}

// Gathers the oldest transition that is whole, whose oldest frame the writer takes next.
void read_edge(const std::shared_ptr<const Ring>& ring, std::uint64_t words, Tally& tally) {
  Frame obs(kStack * kFrameBytes);
  Frame next_obs(kStack * kFrameBytes);
  Frame expected(kFrameBytes);
  const Lane lane = ring->lane(0);
  while (tally.words.load(std::memory_order_relaxed) < words && tally.wrong.load() == 0) {
    const SlotIndex slot_index{0, lane.oldest() + kStack};
    if (slot_index.slot % kEpisode == 0) {
      continue;
    }
    try {
      gather_stacks(*ring, {&slot_index, 1}, obs.data(), next_obs.data());
    } catch (const std::out_of_range&) {
      tally.redrawn.fetch_add(1, std::memory_order_relaxed);
      continue;
    }
    if (!is_stack(obs.data(), 0, slot_index.slot - 1, expected) ||
        !is_stack(next_obs.data(), 0, slot_index.slot, expected)) {
      tally.wrong.fetch_add(1);
    }
    tally.words.fetch_add(2 * kStack * kFrameWords, std::memory_order_relaxed);
  }
}

// Runs a reader; what it throws is a wrong transition too, for there are always some to read.
template <typename Reader>
void count_faults(Tally& tally, const Reader& reader) {
  try {
    reader();
  } catch (const std::exception& fault) {
    std::fprintf(stderr, "a reader failed: %s\n", fault.what());
    tally.wrong.fetch_add(1);
  }
}

// Writes each lane in a process of its own, which ends with this one.
std::vector<pid_t> start_processes(const std::shared_ptr<const Ring>& ring) {
  static const std::atomic<bool> never{false};
  const pid_t parent = getpid();
  std::vector<pid_t> processes;
  for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
    const pid_t process = fork();
    if (process == 0) {
      framering::system::exit_with_parent(parent);
      write_lane(ring, lane, never);
    }
    processes.push_back(process);
  }
  return processes;
}

}  // namespace

int main(int argc, char** argv) {
  const bool processes = argc > 1 && std::string(argv[1]) == "processes";
  const bool encoded = argc > 2 && std::string(argv[2]) == "encoded";
  const std::uint64_t words = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 20'000'000;
  const auto ring = std::make_shared<Ring>(encoded ? kEncoded : kRaw,
                                           processes ? Memory::kShared : Memory::kPrivate);
  Tally tally;
  std::atomic<bool> stop{false};

  std::vector<pid_t> writers;
  std::vector<std::thread> threads;
  if (processes) {
    writers = start_processes(ring);
  } else {
    for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
      threads.emplace_back([&, lane] { write_lane(ring, lane, stop); });
    }
  }
  for (std::uint64_t lane = 0; lane < kLanes; ++lane) {
    while (ring->lane(lane).oldest() == 0) {
      std::this_thread::yield();
    }
  }
  std::vector<std::thread> readers;
  readers.reserve(3);
  for (std::uint64_t seed = 0; seed < 2; ++seed) {
    readers.emplace_back(
        [&, seed] { count_faults(tally, [&] { read_lanes(ring, seed, words, tally); }); });
  }
  readers.emplace_back([&] { count_faults(tally, [&] { read_edge(ring, words, tally); }); });
  for (auto& reader : readers) {
    reader.join();
  }
  stop = true;
  for (auto& thread : threads) {
    thread.join();
  }
  for (const pid_t writer : writers) {
    kill(writer, SIGKILL);
    waitpid(writer, nullptr, 0);
  }
  std::printf("words read: %llu, drawn again: %llu, laps: %llu, wrong transitions: %llu\n",
              static_cast<unsigned long long>(tally.words),
              static_cast<unsigned long long>(tally.redrawn),
              static_cast<unsigned long long>(ring->lane(0).published() / ring->geometry().slots),
              static_cast<unsigned long long>(tally.wrong));
  return tally.wrong == 0 ? 0 : 1;
}
