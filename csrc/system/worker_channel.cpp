#include "system/worker_channel.hpp"

#include <stdexcept>
#include <string>
#include <utility>

namespace framering::system {

struct WorkerChannel::Header {
  std::uint64_t magic;
  std::uint64_t layout;
  std::uint64_t workers;
  std::uint64_t data_bytes;
  std::uint64_t lanes;
};

namespace {

constexpr std::uint64_t kMagic = 0x006c'656e'6e61'6863;  // "channel"
constexpr std::uint64_t kLayout = 2;
constexpr std::size_t kHeaderBytes = 64;

std::size_t total_bytes(std::size_t workers, std::size_t data_bytes, std::size_t lanes) {
  return kHeaderBytes + 2 * workers * sizeof(Doorbell) + LaneTasks::bytes(lanes) + data_bytes;
}

Mapping new_memory(std::size_t workers, std::size_t data_bytes, std::size_t lanes) {
  const std::size_t bytes = total_bytes(workers, data_bytes, lanes);
  return Mapping::shared_memory(bytes, bytes);
}

}  // namespace

WorkerChannel::WorkerChannel(std::size_t workers, std::size_t data_bytes, std::size_t lanes)
    : WorkerChannel(workers, data_bytes, lanes, new_memory(workers, data_bytes, lanes)) {
  static_assert(sizeof(Header) <= kHeaderBytes);
  *reinterpret_cast<Header*>(mapping_.data()) = {.magic = kMagic,
                                                 .layout = kLayout,
                                                 .workers = workers,
                                                 .data_bytes = data_bytes,
                                                 .lanes = lanes};
}

WorkerChannel::WorkerChannel(std::size_t workers, std::size_t data_bytes, std::size_t lanes,
                             Mapping mapping)
    : workers_(workers), data_bytes_(data_bytes), lanes_(lanes), mapping_(std::move(mapping)) {}

WorkerChannel WorkerChannel::attach(int descriptor) {
  Mapping mapping = Mapping::attach(descriptor);
  const auto* header = reinterpret_cast<const Header*>(mapping.data());
  if (mapping.size() < kHeaderBytes || header->magic != kMagic || header->layout != kLayout ||
      !mapping.is_shared_memory_of(
          total_bytes(header->workers, header->data_bytes, header->lanes))) {
    throw std::invalid_argument(
        "descriptor: expected a worker channel of this version of framering, "
        "got " +
        std::to_string(descriptor) +
        ", which is none; pass the one "
        "of a WorkerChannel");
  }
  const Header found = *header;
  return {found.workers, found.data_bytes, found.lanes, std::move(mapping)};
}

std::span<std::byte> WorkerChannel::data() const {
  return {mapping_.data() + total_bytes(workers_, 0, lanes_), data_bytes_};
}

LaneTasks WorkerChannel::tasks() const {
  return {mapping_.data() + kHeaderBytes + 2 * workers_ * sizeof(Doorbell), lanes_};
}

Doorbell& WorkerChannel::requests(std::size_t worker) const {
  if (worker >= workers_) {
    throw std::out_of_range("worker: expected less than " + std::to_string(workers_) + ", got " +
                            std::to_string(worker));
  }
  return reinterpret_cast<Doorbell*>(mapping_.data() + kHeaderBytes)[worker];
}

Doorbell& WorkerChannel::completions(std::size_t worker) const {
  return *(&requests(worker) + workers_);
}

void WorkerChannel::request(std::size_t worker) { ring(requests(worker)); }

void WorkerChannel::request_all() {
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    request(worker);
  }
}

std::optional<std::size_t> WorkerChannel::wait_all(std::chrono::microseconds spin,
                                                   std::chrono::microseconds timeout,
                                                   bool spin_for_first) {
  // Workers have equal shares of the work: when one is done, the others will be soon.
  auto spin_time = spin_for_first ? spin : std::chrono::microseconds(0);
  for (std::size_t worker = 0; worker < workers_; ++worker) {
    const std::uint32_t requested = count(requests(worker));
    for (std::uint32_t done = count(completions(worker)); done != requested;
         done = count(completions(worker))) {
      if (!wait(completions(worker), done, spin_time, timeout)) {
        return worker;
      }
    }
    spin_time = spin;
  }
  return std::nullopt;
}

void WorkerChannel::cancel(std::size_t worker) {
  std::atomic_ref(completions(worker).count)
      .store(count(requests(worker)), std::memory_order_release);
}

bool WorkerChannel::wait_request(std::size_t worker, std::chrono::microseconds spin,
                                 std::chrono::microseconds timeout) {
  return wait(requests(worker), count(completions(worker)), spin, timeout);
}

void WorkerChannel::complete(std::size_t worker) { ring(completions(worker)); }

std::vector<std::size_t> WorkerChannel::wait_running(std::size_t worker, std::size_t first,
                                                     std::size_t last,
                                                     std::chrono::microseconds spin,
                                                     std::chrono::microseconds timeout) {
  if (wait_request(worker, spin, timeout)) {
    cancel(worker);
  }
  return tasks().running(first, last);
}

}  // namespace framering::system
