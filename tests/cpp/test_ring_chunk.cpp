#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "encoding_reference.hpp"
#include "ring/chunk.hpp"
#include "ring/chunk_copier.hpp"
#include "ring/gather.hpp"
#include "ring/hash.hpp"
#include "ring/lane_writer.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

namespace {

using reference::Bytes;

constexpr std::uint64_t kAction = 7;
constexpr std::size_t kWord = sizeof(std::uint64_t);

Geometry geometry_of(std::uint64_t slots, std::uint64_t stack, bool encoded) {
  return {.lanes = 1,
          .slots = slots,
          .frame_bytes = std::uint64_t{24} * 16,
          .stack = stack,
          .action_bytes = 8,
          .row_bytes = encoded ? 24U : 0U};
}

Step step(float reward = 0, bool terminated = false) {
  return {.action = reinterpret_cast<const std::uint8_t*>(&kAction),
          .reward = reward,
          .terminated = terminated};
}

Bytes copy_chunk(const Ring& ring, std::uint64_t first, std::uint64_t limit) {
  const ChunkCopier copier(ring, 0, first, limit);
  Bytes bytes(copier.bytes());
  copier.copy(bytes);
  return bytes;
}

// Frames that change a little, in segments.
void write_some(LaneWriter& writer, std::size_t bytes, int number, std::mt19937_64& generator) {
  Bytes frame(bytes);
  writer.begin_segment(frame.data());
  for (int i = 0; i < number; ++i) {
    frame[generator() % bytes] = static_cast<std::uint8_t>(generator());
    const bool ends = generator() % 8 == 0;
    writer.append(frame.data(), step(static_cast<float>(i), ends));
    if (ends) {
      writer.begin_segment(frame.data());
    }
  }
}

void fix_checksum(Bytes& chunk) {
  Hash hash;
  hash.update(chunk.data(), chunk.size() - kWord);
  const std::uint64_t digest = hash.digest();
  std::memcpy(chunk.data() + chunk.size() - kWord, &digest, kWord);
}

// Changes a chunk as anything may: its bits, words, length, or the order of its words.
void mutate(Bytes& chunk, std::mt19937_64& generator) {
  const std::size_t words = chunk.size() / kWord;
  const auto word = [&] { return chunk.data() + generator() % words * kWord; };
  switch (generator() % 6) {
    case 0:
      chunk[generator() % chunk.size()] ^= static_cast<std::uint8_t>(1U << generator() % 8);
      break;
    case 1: {
      const std::uint64_t any = generator() >> generator() % 64;
      std::memcpy(word(), &any, kWord);
      break;
    }
    case 2:
      std::memmove(word(), word(), kWord);
      break;
    case 3:
      chunk.resize(std::max<std::size_t>(2, generator() % words + 1) * kWord);
      break;
    case 4:
      chunk.resize(chunk.size() + (generator() % 4 + 1) * kWord);
      break;
    default: {
      // The header's numbers.
      const std::uint64_t any = generator() % 3 == 0 ? generator() : generator() % 40;
      std::memcpy(chunk.data() + (2 + generator() % (kChunkHeaderWords - 2)) * kWord, &any, kWord);
    }
  }
}

void read_all(const Ring& ring) {
  const Lane lane = ring.lane(0);
  Bytes obs(lane.stack() * lane.frame_bytes());
  Bytes next_obs(obs.size());
  for (std::uint64_t slot = lane.oldest(); slot < lane.published(); ++slot) {
    const Record record = lane.load_record(slot);
    if (record.transition) {
      REQUIRE(record.distance + std::min<std::uint64_t>(record.obs_age, lane.stack() - 1) <= slot);
      const SlotIndex slot_index{.lane = 0, .slot = slot};
      gather_stacks(ring, {&slot_index, 1}, obs.data(), next_obs.data());
    }
  }
}

}  // namespace

TEST_CASE("a chunk with any change is refused and changes nothing, or is safe to read") {
  std::mt19937_64 generator(5);
  for (const bool encoded : {false, true}) {
    const auto source = std::make_shared<Ring>(geometry_of(256, 4, encoded), Memory::kPrivate);
    LaneWriter source_writer(source, 0);
    write_some(source_writer, source->geometry().frame_bytes, 120, generator);
    int refused = 0;
    int written = 0;
    for (int round = 0; round < 4000; ++round) {
      const std::uint64_t first = generator() % 100;
      Bytes chunk = copy_chunk(*source, first, generator() % 12 + 1);
      do {
        mutate(chunk, generator);
      } while (generator() % 4 == 0);
      fix_checksum(chunk);
      const auto target = std::make_shared<Ring>(geometry_of(64, 4, encoded), Memory::kPrivate);
      LaneWriter writer(target, 0);
      const bool continues = generator() % 2 == 0;
      if (continues) {
        writer.write_chunk(Chunk(copy_chunk(*source, first - std::min<std::uint64_t>(first, 9),
                                            std::min<std::uint64_t>(first, 9) + 1),
                                 target->layout()),
                           false);
      }
      const std::uint64_t before = target->lane(0).published();
      try {
        writer.write_chunk(Chunk(chunk, target->layout()), continues);
        ++written;
      } catch (const BadChunk&) {
        REQUIRE(target->lane(0).published() == before);
        ++refused;
      }
      read_all(*target);
    }
    CHECK(refused > 1000);
    CHECK(written > 50);
  }
}

TEST_CASE("any change of a chunk without its checksum is refused") {
  std::mt19937_64 generator(6);
  const auto source = std::make_shared<Ring>(geometry_of(256, 4, true), Memory::kPrivate);
  LaneWriter source_writer(source, 0);
  write_some(source_writer, source->geometry().frame_bytes, 60, generator);
  const Bytes chunk = copy_chunk(*source, 20, 9);
  CHECK_NOTHROW(Chunk(chunk, source->layout()));
  for (std::size_t bit = 0; bit < chunk.size() * 8; ++bit) {
    Bytes changed = chunk;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1U << bit % 8);
    CHECK_THROWS_AS(Chunk(changed, source->layout()), BadChunk);
  }
  for (std::size_t size = 0; size < chunk.size(); ++size) {
    CHECK_THROWS_AS(Chunk(std::span(chunk).first(size), source->layout()), BadChunk);
  }
}

TEST_CASE("a chunk that is read while slots are overwritten is whole or an error") {
  for (const bool encoded : {false, true}) {
    const auto source = std::make_shared<Ring>(geometry_of(24, 4, encoded), Memory::kPrivate);
    const std::size_t bytes = source->geometry().frame_bytes;
    std::atomic<bool> stop = false;
    // Slot n has frames and a reward of n.
    std::thread thread([&] {
      LaneWriter writer(source, 0);
      Bytes frame(bytes);
      writer.begin_segment(frame.data());
      for (std::uint64_t slot = 1; !stop && slot < 1U << 20U; ++slot) {
        std::ranges::fill(frame, static_cast<std::uint8_t>(slot));
        writer.append(frame.data(), step(static_cast<float>(slot)));
      }
    });
    int whole = 0;
    int overwritten = 0;
    for (std::uint64_t round = 0; round < 200000 && (whole < 300 || overwritten < 300); ++round) {
      const Lane lane = source->lane(0);
      const std::uint64_t first = std::min(lane.oldest() + 5 + round % 6, lane.published());
      Bytes bytes_read;
      try {
        bytes_read = copy_chunk(*source, first, 8);
      } catch (const std::out_of_range&) {
        ++overwritten;
        continue;
      }
      const Chunk chunk(bytes_read, source->layout());
      ChunkFrames frames(chunk);
      for (std::uint64_t index = 0; index < chunk.size(); ++index) {
        const std::uint64_t slot = first - chunk.context() + index;
        const std::uint8_t* frame = frames.next();
        REQUIRE(std::all_of(frame, frame + bytes,
                            [&](std::uint8_t byte) { return byte == (slot & 0xffU); }));
        REQUIRE(chunk.record(index).reward == static_cast<float>(slot));
      }
      whole += chunk.size() > 0 ? 1 : 0;
    }
    stop = true;
    thread.join();
    CHECK(whole > 0);
    CHECK(overwritten > 0);
  }
}

}  // namespace framering::ring
