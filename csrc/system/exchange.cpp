#include "system/exchange.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace framering::system {

struct Exchange::Header {
  std::uint64_t magic;
  std::uint64_t layout;
  std::uint64_t workers;
  std::uint64_t data_bytes;
};

namespace {

constexpr std::uint64_t kMagic = 0x6567'6e61'6863'7865;  // "exchange"
constexpr std::uint64_t kLayout = 1;
constexpr std::size_t kHeaderBytes = 64;

std::size_t total_bytes(std::size_t workers, std::size_t data_bytes) {
  return kHeaderBytes + 2 * workers * sizeof(Doorbell) + data_bytes;
}

Mapping new_memory(std::size_t workers, std::size_t data_bytes) {
  if (workers == 0) {
    throw std::invalid_argument("an exchange is for at least one worker, got 0");
  }
  return Mapping::shared_memory(total_bytes(workers, data_bytes));
}

}  // namespace

Exchange::Exchange(std::size_t workers, std::size_t data_bytes)
    : Exchange(workers, data_bytes, new_memory(workers, data_bytes)) {
  static_assert(sizeof(Header) <= kHeaderBytes);
  *reinterpret_cast<Header*>(mapping_.data()) = {
      .magic = kMagic, .layout = kLayout, .workers = workers, .data_bytes = data_bytes};
}

Exchange::Exchange(std::size_t workers, std::size_t data_bytes, Mapping mapping)
    : workers_(workers), data_bytes_(data_bytes), mapping_(std::move(mapping)) {}

Exchange Exchange::attach(int descriptor) {
  Mapping mapping = Mapping::attach(descriptor);
  const auto* header = reinterpret_cast<const Header*>(mapping.data());
  if (mapping.size() < kHeaderBytes || header->magic != kMagic || header->layout != kLayout ||
      mapping.size() != total_bytes(header->workers, header->data_bytes)) {
    throw std::invalid_argument("descriptor " + std::to_string(descriptor) +
                                " is no exchange of this version of framering");
  }
  const Header found = *header;
  return {found.workers, found.data_bytes, std::move(mapping)};
}

std::span<std::byte> Exchange::data() const {
  return {mapping_.data() + total_bytes(workers_, 0), data_bytes_};
}

Doorbell& Exchange::requests(std::size_t worker) const {
  if (worker >= workers_) {
    throw std::out_of_range("worker " + std::to_string(worker) + " of an exchange for " +
                            std::to_string(workers_));
  }
  return reinterpret_cast<Doorbell*>(mapping_.data() + kHeaderBytes)[worker];
}

Doorbell& Exchange::completions(std::size_t worker) const {
  return *(&requests(worker) + workers_);
}

void Exchange::request(std::size_t worker) { ring(requests(worker)); }

void Exchange::request_all() {
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    request(worker);
  }
}

std::optional<std::size_t> Exchange::wait_all(std::chrono::microseconds spin,
                                              std::chrono::microseconds timeout, bool eager) {
  // Workers get equal shares, so that one which is done tells that the others are about to be.
  std::chrono::microseconds patience = eager ? spin : std::chrono::microseconds(0);
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    const std::uint32_t requested = count(requests(worker));
    for (std::uint32_t done = count(completions(worker)); done != requested;
         done = count(completions(worker))) {
      if (!wait(completions(worker), done, patience, timeout)) {
        return worker;
      }
    }
    patience = spin;
  }
  return std::nullopt;
}

void Exchange::withdraw(std::size_t worker) {
  std::atomic_ref(completions(worker).count)
      .store(count(requests(worker)), std::memory_order_release);
}

bool Exchange::wait_request(std::size_t worker, std::chrono::microseconds spin,
                            std::chrono::microseconds timeout) {
  return wait(requests(worker), count(completions(worker)), spin, timeout);
}

void Exchange::complete(std::size_t worker) { ring(completions(worker)); }

}  // namespace framering::system
