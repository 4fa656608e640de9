#include "ring/ring.hpp"

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "ring/page_supplier.hpp"
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

}  // namespace

Lane::Lane(const Layout& layout, std::byte* block, std::size_t lane)
    : counters_(reinterpret_cast<Counters*>(block + layout.lane_offset(lane))),
      records_(reinterpret_cast<std::uint64_t*>(block + layout.lane_offset(lane) +
                                                layout.records_offset())),
      frames_(reinterpret_cast<std::uint64_t*>(block + layout.lane_offset(lane) +
                                               layout.frames_offset())),
      slots_(layout.geometry().slots),
      stack_(layout.geometry().stack),
      frame_bytes_(layout.geometry().frame_bytes),
      frame_words_(layout.frame_words()),
      record_words_(layout.record_words()),
      action_bytes_(layout.geometry().action_bytes) {}

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
  load_payload(action, record(slot) + kRecordFieldWords, action_bytes_);
}

void Lane::load_stack(std::uint64_t slot, std::uint64_t age, std::uint8_t* out) const {
  for (std::uint64_t back = stack_; back-- > 0; out += frame_bytes_) {
    load_payload(out, frame(slot - (back < age ? back : age)), frame_bytes_);
  }
}

Ring::Ring(const Geometry& geometry, Memory memory)
    : Ring(Layout(geometry), memory == Memory::kShared
                                 ? system::Mapping::shared_memory(Layout(geometry).bytes())
                                 : system::Mapping::private_memory(Layout(geometry).bytes())) {
  const Header header{
      .magic = kMagic, .version = kLayoutVersion, .geometry = geometry, .bytes = layout_.bytes()};
  std::memcpy(mapping_.data(), &header, sizeof(Header));
  if (memory == Memory::kPrivate && PageSupplier::worthwhile(layout_)) {
    pages_ = std::make_unique<PageSupplier>(layout_, mapping_.data());
  }
}

Ring::Ring(const Layout& layout, system::Mapping mapping)
    : layout_(layout), mapping_(std::move(mapping)) {}

Ring::Ring(Ring&& other) noexcept = default;
Ring::~Ring() = default;

Ring Ring::attach(int descriptor) {
  system::Mapping mapping = system::Mapping::attach(descriptor);
  const Header header = read_header(mapping);
  const Layout layout(header.geometry);
  if (layout.bytes() != header.bytes || layout.bytes() != mapping.size()) {
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

}  // namespace framering::ring
