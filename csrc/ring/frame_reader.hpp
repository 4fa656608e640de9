// Reading stacks of frames out of a lane, decoded where they are encoded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "ring/encoding.hpp"
#include "ring/ring.hpp"

namespace framering::ring {

// Of published slots, not validated: the caller does so afterwards. Where a writer has overwritten
// one meanwhile, the output is anything, of the right length. Not thread-safe; kept for its memory.
class FrameReader {
 public:
  explicit FrameReader(const Layout& layout);

  // Returns false where the slots hold no encoded frames: if they still validate then, the ring's
  // memory is damaged.
  //
  // The stack that ends at a slot of the given age, oldest frame first.
  bool load_stack(const Lane& lane, std::uint64_t slot, std::uint64_t age, std::uint8_t* out);
  // Such a stack, and the frame of the slot behind it.
  bool load_block(const Lane& lane, std::uint64_t slot, std::uint64_t age, std::uint8_t* out);

  // Prefetches what load_stack or load_block of these slots, first … last, will read.
  void prefetch(const Lane& lane, std::uint64_t first, std::uint64_t last) const;

 private:
  struct Words {
    std::uint64_t begin = 0;  // positions
    std::uint64_t end = 0;
  };

  bool load(const Lane& lane, std::uint64_t slot, std::uint64_t age, std::uint64_t last,
            std::uint8_t* out);
  [[nodiscard]] std::optional<Words> words_of(const Lane& lane, std::uint64_t first,
                                              std::uint64_t last) const;
  void copy_words(const Lane& lane, const Words& words);
  bool decode_to(FrameDecoder& decoder, const FrameLocation& location, const Words& words);

  std::size_t frame_bytes_;
  std::size_t frame_words_;
  std::optional<FrameDecoder> decoder_;  // of encoded frames
  std::unique_ptr<std::uint64_t[]> copied_;
  std::size_t copied_size_ = 0;
  std::uint64_t begin_ = 0;     // where the frame that was decoded begins to be
  std::uint64_t position_ = 0;  // and where it ends
};

}  // namespace framering::ring
