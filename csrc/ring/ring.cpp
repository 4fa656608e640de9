#include "ring/ring.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "ring/payload.hpp"

namespace framering::ring {

namespace {

Header read_header(const system::Mapping& mapping) {
  Header header{};
  if (mapping.size() < sizeof(Header)) {
    throw std::invalid_argument("the memory to attach to is too small for a ring");
  }
  std::memcpy(&header, mapping.data(), sizeof(Header));
  if (header.magic != kMagic) {
    throw std::invalid_argument("the memory to attach to holds no ring");
  }
  if (header.version != kLayoutVersion) {
    throw std::invalid_argument("the ring has layout version " + std::to_string(header.version) +
                                ", this framering reads version " + std::to_string(kLayoutVersion) +
                                ": use one framering in all processes");
  }
  return header;
}

// Raw frames are written everywhere in the end. Of encoded ones, memory is taken as they come.
system::Mapping map(const Layout& layout, Memory memory) {
  const std::size_t taken = layout.geometry().encoded() ? layout.records_end() : layout.bytes();
  return memory == Memory::kShared ? system::Mapping::shared_memory(layout.bytes(), taken)
                                   : system::Mapping::private_memory(layout.bytes(), taken);
}

}  // namespace

Lane::Lane(const Layout& layout, std::byte* block, std::size_t lane)
    : counters_(reinterpret_cast<Counters*>(block + layout.lane_offset(lane))),
      records_(
          reinterpret_cast<std::uint64_t*>(block + layout.lane_offset(lane) + sizeof(Counters))),
      arena_(reinterpret_cast<std::uint64_t*>(block + layout.frames_offset(lane))),
      slots_(layout.geometry().slots),
      stack_(layout.geometry().stack),
      frame_bytes_(layout.geometry().frame_bytes),
      frame_words_(layout.frame_words()),
      record_words_(layout.record_words()),
      action_word_(layout.action_word()),
      action_bytes_(layout.geometry().action_bytes),
      arena_words_(layout.arena_words()),
      encoded_(layout.geometry().encoded()) {}

Record Lane::load_record(std::uint64_t slot) const {
  std::array<std::uint64_t, kRecordFieldWords> words{};
  for (std::size_t i = 0; i < kRecordFieldWords; ++i) {
    words[i] = std::atomic_ref(record(slot)[i]).load(std::memory_order_relaxed);
  }
  return unpack(words.data());
}

std::optional<Record> Lane::read_record(std::uint64_t slot) const {
  const Record found = load_record(slot);
  return validate(slot) ? std::optional(found) : std::nullopt;
}

void Lane::load_action(std::uint64_t slot, std::uint8_t* action) const {
  load_payload(action, this->action(slot), action_bytes_);
}

FrameLocation Lane::load_location(std::uint64_t slot) const {
  return unpack_location(
      std::atomic_ref(record(slot)[Layout::location_word()]).load(std::memory_order_relaxed));
}

Ring::Ring(const Geometry& geometry, Memory memory)
    : Ring(Layout(geometry), map(Layout(geometry), memory)) {
  const Header header{
      .magic = kMagic, .version = kLayoutVersion, .geometry = geometry, .bytes = layout_.bytes()};
  std::memcpy(mapping_.data(), &header, sizeof(Header));
}

Ring::Ring(const Layout& layout, system::Mapping mapping)
    : layout_(layout), mapping_(std::move(mapping)) {}

Ring Ring::attach(int descriptor) {
  system::Mapping mapping = system::Mapping::attach(descriptor);
  const Header header = read_header(mapping);
  const Layout layout(header.geometry);
  if (layout.bytes() != header.bytes || !mapping.is_shared_memory_of(layout.bytes())) {
    throw std::invalid_argument(
        "the ring's header does not fit its memory: " + std::to_string(layout.bytes()) +
        " bytes by its geometry, " + std::to_string(mapping.size()) + " mapped");
  }
  return {layout, std::move(mapping)};
}

Lane Ring::lane(std::size_t index) const {
  if (index >= geometry().lanes) {
    throw std::out_of_range("lane " + std::to_string(index) + " of a ring with " +
                            std::to_string(geometry().lanes) + " lanes");
  }
  return {layout_, mapping_.data(), index};
}

void Ring::take_memory(std::size_t lane, std::uint64_t begin, std::uint64_t end) const {
  for_parts(lane, begin, end,
            [&](std::size_t offset, std::size_t bytes) { mapping_.take(offset, bytes); });
}

void Ring::give_back_memory(std::size_t lane, std::uint64_t begin, std::uint64_t end) const {
  for_parts(lane, begin, end,
            [&](std::size_t offset, std::size_t bytes) { mapping_.give_back(offset, bytes); });
}

// Calls a function with the block's parts that hold some positions: two where the arena's end lies
// between them.
template <class Function>
void Ring::for_parts(std::size_t lane, std::uint64_t begin, std::uint64_t end,
                     Function function) const {
  while (begin < end) {
    const std::uint64_t first = begin % layout_.arena_words();
    const std::uint64_t number = std::min(end - begin, layout_.arena_words() - first);
    function(layout_.frames_offset(lane) + first * sizeof(std::uint64_t),
             number * sizeof(std::uint64_t));
    begin += number;
  }
}

}  // namespace framering::ring
