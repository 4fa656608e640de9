// The frame ring: its memory, and the view of one lane that writers and readers work on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
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
  [[nodiscard]] std::uint64_t published() const { return ring::published(*counters_); }
  [[nodiscard]] bool validate(std::uint64_t lowest) const {
    return ring::validate(*counters_, lowest, slots_);
  }
  [[nodiscard]] std::uint64_t* record(std::uint64_t slot) const {
    return records_ + (slot % slots_) * record_words_;
  }
  [[nodiscard]] std::uint64_t* frame(std::uint64_t slot) const {
    return frames_ + (slot % slots_) * frame_words_;
  }

  // Loads the record of a slot < published, without validating it: see validate.
  [[nodiscard]] Record load_record(std::uint64_t slot) const;

  // Reads the record of a slot < published; nullopt where a later lap has overwritten it.
  [[nodiscard]] std::optional<Record> read_record(std::uint64_t slot) const;

  // Loads the action bytes of a slot, without validating them.
  void load_action(std::uint64_t slot, std::uint8_t* action) const;

  // Loads the stack of frames that ends at a slot of the given age, oldest frame first, not
  // validated.
  void load_stack(std::uint64_t slot, std::uint64_t age, std::uint8_t* out) const;

  // The lowest slot that such a stack reads.
  [[nodiscard]] std::uint64_t stack_begin(std::uint64_t slot, std::uint64_t age) const {
    return slot - (age < stack_ - 1 ? age : stack_ - 1);
  }

 private:
  Counters* counters_;
  std::uint64_t* records_;
  std::uint64_t* frames_;
  std::uint64_t slots_;
  std::uint64_t stack_;
  std::size_t frame_bytes_;
  std::size_t frame_words_;
  std::size_t record_words_;
  std::size_t action_bytes_;
};

enum class Memory : bool { kPrivate, kShared };

class PageSupplier;

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

  Ring(Ring&& other) noexcept;
  Ring& operator=(Ring&& other) = delete;
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring();

  // Throws std::out_of_range.
  [[nodiscard]] Lane lane(std::size_t index) const;

 private:
  Ring(const Layout& layout, system::Mapping mapping);

  Layout layout_;
  system::Mapping mapping_;
  std::unique_ptr<PageSupplier> pages_;  // last: it ends before the mapping does
};

}  // namespace framering::ring
