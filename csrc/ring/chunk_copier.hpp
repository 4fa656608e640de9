// Some slots of a lane as bytes, for a lane of another ring: see chunk.hpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ring/chunk_format.hpp"
#include "ring/ring.hpp"
#include "ring/slot_copier.hpp"

namespace framering::ring {

// Copies the published slots first, first + 1 … of a lane, at most `limit` of them. In front of
// them are the slots that their observations read, as context. Writers may write meanwhile.
class ChunkCopier {
 public:
  // Throws std::invalid_argument for a limit of 0, and std::out_of_range for a `first` above what
  // is published, or one of which a writer has overwritten a part.
  ChunkCopier(const Ring& ring, std::size_t lane, std::uint64_t first, std::uint64_t limit);

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Fills as many bytes. Throws std::out_of_range as above.
  void copy(std::span<std::uint8_t> out) const;

 private:
  [[nodiscard]] std::uint64_t begin() const { return header_.first - header_.context; }
  [[nodiscard]] std::uint64_t high() const { return header_.first + header_.slots; }
  [[nodiscard]] SlotCopier make_copier(const Layout& layout) const;
  void require_whole() const;
  [[noreturn]] void throw_overwritten() const;

  Lane lane_;
  ChunkHeader header_;
  SlotCopier copier_;
  std::vector<std::uint64_t> frame_words_;  // of each slot, with the context
  std::size_t bytes_ = 0;
};

}  // namespace framering::ring
