// Small rings and frames that tell where they belong.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "ring/gather.hpp"
#include "ring/lane_writer.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

using Bytes = std::vector<std::uint8_t>;

inline constexpr std::uint64_t kFrameBytes = 11;  // no whole number of words

inline std::shared_ptr<Ring> small_ring(std::uint64_t slots = 16, std::uint64_t lanes = 1,
                                        std::uint64_t stack = 3) {
  return std::make_shared<Ring>(Geometry{lanes, slots, kFrameBytes, stack, 8}, Memory::kPrivate);
}

inline Bytes frame(int value) { return Bytes(kFrameBytes, static_cast<std::uint8_t>(value)); }

// The stack of frames with these values, oldest first.
inline Bytes stack(const std::vector<int>& values) {
  Bytes all;
  for (const int value : values) {
    const Bytes one = frame(value);
    all.insert(all.end(), one.begin(), one.end());
  }
  return all;
}

inline Step step(const std::uint64_t& action, float reward = 0, bool terminated = false,
                 bool truncated = false) {
  return {reinterpret_cast<const std::uint8_t*>(&action), reward, terminated, truncated};
}

inline Bytes newest(const Ring& ring) {
  Bytes out(ring.geometry().stack * kFrameBytes);
  gather_newest(ring, 0, 1, out.data());
  return out;
}

// obs and next_obs of one transition.
inline std::pair<Bytes, Bytes> stacks(const Ring& ring, std::uint64_t slot) {
  Bytes obs(ring.geometry().stack * kFrameBytes);
  Bytes next_obs = obs;
  const SlotIndex slot_index{0, slot};
  gather_stacks(ring, {&slot_index, 1}, obs.data(), next_obs.data());
  return {obs, next_obs};
}

}  // namespace framering::ring
