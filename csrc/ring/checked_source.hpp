// Reading a snapshot's bytes from front to back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "ring/encoding.hpp"
#include "ring/hash.hpp"
#include "ring/snapshot.hpp"
#include "ring/snapshot_format.hpp"

namespace framering::ring {

// Reads a source and computes the checksum of what has been read.
class CheckedSource {
 public:
  explicit CheckedSource(const Source& source) : source_(source), unread_(source.size) {}

  void read(std::span<std::uint8_t> out) {
    if (out.size() > unread_) {
      throw BadSnapshot("the snapshot is cut short");
    }
    read_unchecked(out);
    hash_.update(out.data(), out.size());
  }
  template <class Value>
  Value read() {
    Value value;
    read({reinterpret_cast<std::uint8_t*>(&value), sizeof(Value)});
    return value;
  }
  std::vector<std::uint8_t> read(std::uint64_t number) {
    if (number > unread_) {  // before memory is taken for it
      throw BadSnapshot("the snapshot is cut short");
    }
    std::vector<std::uint8_t> bytes(number);
    read(bytes);
    return bytes;
  }

  [[nodiscard]] std::uint64_t unread() const { return unread_; }

  // Reads the rest, whatever it is, and throws BadSnapshot where its last word is not the checksum
  // of all that is before it.
  void require_checksum() {
    std::vector<std::uint8_t> chunk(std::size_t{1} << 16U);
    while (unread_ > kWord) {
      read(std::span(chunk).first(std::min<std::uint64_t>(chunk.size(), unread_ - kWord)));
    }
    const std::uint64_t expected = hash_.digest();
    std::uint64_t checksum = 0;
    if (unread_ == kWord) {
      read_unchecked({reinterpret_cast<std::uint8_t*>(&checksum), kWord});
    }
    if (checksum != expected) {
      throw BadSnapshot("the snapshot is damaged: its checksum is wrong");
    }
  }

 private:
  void read_unchecked(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      const std::size_t number = source_.read(out);
      if (number == 0) {
        throw BadSnapshot("the snapshot is cut short: it became smaller while it was read");
      }
      out = out.subspan(number);
      unread_ -= number;
    }
  }

  const Source& source_;
  std::uint64_t unread_;
  Hash hash_;
};

// Reads so many words in chunks of about a MiB, and calls `use` with what there is each time. It
// returns how many words it has used; the others come again, with more.
template <class Use>
void read_words(CheckedSource& source, std::uint64_t number, Use use) {
  std::vector<std::uint64_t> chunk;
  while (number > 0 || !chunk.empty()) {
    const std::uint64_t more = std::min<std::uint64_t>(number, kChunkBytes / kWord);
    const std::size_t kept = chunk.size();
    chunk.resize(kept + more);
    source.read({reinterpret_cast<std::uint8_t*>(chunk.data() + kept), more * kWord});
    number -= more;
    chunk.resize(chunk.size() + kReadBeyond);  // for decoding
    const std::size_t used = use(std::span(chunk).first(kept + more));
    if (used == 0 && number == 0) {
      throw BadSnapshot("the snapshot contradicts itself in its frames");
    }
    chunk.resize(kept + more);
    chunk.erase(chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(used));
  }
}

}  // namespace framering::ring
