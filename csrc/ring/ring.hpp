// The frame ring: its memory, and the view of one lane that writers and readers work on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "ring/layout.hpp"
#include "ring/protocol.hpp"
#include "system/mapping.hpp"

namespace framering::ring {

// Pointers to the parts of one lane. Cheap to copy; valid while its ring lives.
class Lane {
 public:
  Lane(const Layout& layout, std::byte* block, std::size_t lane);

  [[nodiscard]] Counters& counters() const { return *counters_; }
  [[nodiscard]] std::uint64_t slots() const { return slots_; }
  [[nodiscard]] std::uint64_t stack() const { return stack_; }
  [[nodiscard]] std::size_t frame_bytes() const { return frame_bytes_; }
  [[nodiscard]] bool encoded() const { return encoded_; }
  [[nodiscard]] std::uint64_t published() const { return ring::published(*counters_); }
  [[nodiscard]] std::uint64_t oldest() const { return ring::oldest(*counters_); }
  [[nodiscard]] bool validate(std::uint64_t lowest) const {
    return ring::validate(*counters_, lowest);
  }
  [[nodiscard]] std::uint64_t* record(std::uint64_t slot) const {
    return records_ + (slot % slots_) * record_words_;
  }
  [[nodiscard]] std::uint64_t* action(std::uint64_t slot) const {
    return record(slot) + action_word_;
  }

  // The place of a raw frame.
  [[nodiscard]] std::uint64_t* raw_frame(std::uint64_t slot) const {
    return arena_ + (slot % slots_) * frame_words_;
  }

  // Of encoded frames: words by their position.
  [[nodiscard]] std::uint64_t arena_words() const { return arena_words_; }
  [[nodiscard]] std::uint64_t* arena(std::uint64_t position) const {
    return arena_ + position % arena_words_;
  }

  // Loads the record of a slot < published, without validating it: see validate.
  [[nodiscard]] Record load_record(std::uint64_t slot) const;

  // Reads the record of a slot < published; nullopt where a later lap has overwritten it.
  [[nodiscard]] std::optional<Record> read_record(std::uint64_t slot) const;

  // Loads the action bytes of a slot, without validating them.
  void load_action(std::uint64_t slot, std::uint8_t* action) const;

  // Loads where a slot's encoded frame is, without validating it.
  [[nodiscard]] FrameLocation load_location(std::uint64_t slot) const;

  // The lowest slot that the stack reads that ends at a slot of the given age.
  [[nodiscard]] std::uint64_t stack_begin(std::uint64_t slot, std::uint64_t age) const {
    return slot - (age < stack_ - 1 ? age : stack_ - 1);
  }

 private:
  Counters* counters_;
  std::uint64_t* records_;
  std::uint64_t* arena_;
  std::uint64_t slots_;
  std::uint64_t stack_;
  std::size_t frame_bytes_;
  std::size_t frame_words_;
  std::size_t record_words_;
  std::size_t action_word_;
  std::size_t action_bytes_;
  std::size_t arena_words_;
  bool encoded_;
};

enum class Memory : bool { kPrivate, kShared };

class Ring {
 public:
  Ring(const Geometry& geometry, Memory memory);

  // Another process's ring, by its descriptor. Throws std::invalid_argument where that is no ring
  // of this layout.
  static Ring attach(int descriptor);

  [[nodiscard]] const Geometry& geometry() const { return layout_.geometry(); }
  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] std::size_t bytes() const { return mapping_.size(); }
  [[nodiscard]] int descriptor() const { return mapping_.descriptor(); }

  // Throws std::out_of_range.
  [[nodiscard]] Lane lane(std::size_t index) const;

  // Of a lane's arena, positions begin … end − 1; by its writer. Memory is taken before it is
  // written, so that a lack of it is an OutOfMemory here instead of a signal there. What is given
  // back reads as zeros.
  void take_memory(std::size_t lane, std::uint64_t begin, std::uint64_t end) const;
  void give_back_memory(std::size_t lane, std::uint64_t begin, std::uint64_t end) const;

 private:
  Ring(const Layout& layout, system::Mapping mapping);
  template <class Function>
  void for_parts(std::size_t lane, std::uint64_t begin, std::uint64_t end, Function function) const;

  Layout layout_;
  system::Mapping mapping_;
};

}  // namespace framering::ring
