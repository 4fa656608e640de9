// Copying slots out of a lane, one behind the other, as snapshots and chunks hold them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "ring/ring.hpp"

namespace framering::ring {

// A record's fields and its action, without the location of its frame.
inline std::size_t copied_record_words(const Layout& layout) {
  return kRecordFieldWords + layout.action_words();
}

// Of the slots first … high − 1. Encoded frames are copied as they are, but for the
// first one, which is encoded alone. Nothing is validated but that first frame: the caller does so
// afterwards. Where a writer has overwritten a slot meanwhile, what is copied is anything.
class SlotCopier {
 public:
  // Throws Overrun where the first slot is no longer whole.
  SlotCopier(const Layout& layout, const Lane& lane, std::uint64_t first, std::uint64_t high);

  // Returns the end of what it has written.
  std::uint8_t* copy_record(std::uint64_t slot, std::uint8_t* out) const;

  // The words that a slot's frame takes, at most most_frame_words().
  [[nodiscard]] std::uint64_t frame_words(std::uint64_t slot) const;
  [[nodiscard]] std::uint64_t most_frame_words() const;

  // Copies as many words of a slot's frame, and returns their end.
  std::uint8_t* copy_frame(std::uint64_t slot, std::uint64_t words, std::uint8_t* out) const;

 private:
  Lane lane_;
  std::uint64_t first_;
  std::size_t action_bytes_;
  std::uint64_t raw_words_;                 // of a frame that is not encoded
  std::vector<std::uint64_t> first_frame_;  // encoded
};

}  // namespace framering::ring
