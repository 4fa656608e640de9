#include "ring/page_supplier.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace framering::ring {

namespace {

constexpr std::size_t kAhead = std::size_t{64} << 20U;  // bytes, over all lanes
constexpr std::size_t kStep = std::size_t{2} << 20U;    // bytes in one request to the kernel
constexpr auto kRest = std::chrono::milliseconds(5);

std::size_t slot_bytes(const Layout& layout) {
  return (layout.record_words() + layout.frame_words()) * sizeof(std::uint64_t);
}

// False where the kernel does not know the request (before Linux 5.14) or has no memory: the
// writers then get their pages as they write.
bool populate(std::byte* begin, const std::byte* end) {
#ifdef MADV_POPULATE_WRITE
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  begin -= reinterpret_cast<std::uintptr_t>(begin) % page;
  return ::madvise(begin, static_cast<std::size_t>(end - begin), MADV_POPULATE_WRITE) == 0;
#else
  (void)begin, (void)end;
  return false;
#endif
}

}  // namespace

bool PageSupplier::worthwhile(const Layout& layout) { return layout.bytes() > 2 * kAhead; }

PageSupplier::PageSupplier(const Layout& layout, std::byte* block)
    : layout_(layout),
      block_(block),
      supplied_(layout.geometry().lanes),
      process_(::getpid()),
      thread_(std::make_unique<std::jthread>([this](const std::stop_token& stop) { run(stop); })) {}

PageSupplier::~PageSupplier() {
  // A forked child has the object, but not the thread. Nothing of it may be used there: its id may
  // belong to another thread by now (pthread_detach fails, which std::thread makes an exception),
  // and the thread may have held the lock within its stop state at the fork. The handle is left
  // behind; its few bytes are all that the child loses.
  if (::getpid() != process_) {
    [[maybe_unused]] const auto* const left_behind = thread_.release();
  }
}

void PageSupplier::run(const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  bool going = true;
  while (going && !stop.stop_requested()) {
    going = false;
    for (std::size_t lane = 0; lane < supplied_.size(); ++lane) {
      going = supply(lane, stop) || going;
    }
    std::unique_lock lock(mutex);
    stopped.wait_for(lock, stop, kRest, [] { return false; });
  }
}

// Brings a lane's pages up to the distance that is kept; false when there is nothing left to do.
bool PageSupplier::supply(std::size_t index, const std::stop_token& stop) {
  const std::uint64_t slots = layout_.geometry().slots;
  const Lane lane(layout_, block_, index);
  const std::uint64_t ahead =
      std::max<std::uint64_t>(kAhead / slot_bytes(layout_) / supplied_.size(), 1);
  const std::uint64_t wanted = std::min(lane.published() + ahead, slots);
  std::uint64_t& supplied = supplied_[index];
  while (supplied < wanted && !stop.stop_requested()) {
    const std::uint64_t step = std::max<std::uint64_t>(kStep / slot_bytes(layout_), 1);
    const std::uint64_t end = std::min(supplied + step, slots);
    const auto at = [](std::uint64_t* words) { return reinterpret_cast<std::byte*>(words); };
    const bool populated =
        populate(at(lane.record(supplied)), at(lane.record(end - 1) + layout_.record_words())) &&
        populate(at(lane.frame(supplied)), at(lane.frame(end - 1) + layout_.frame_words()));
    if (!populated) {
      return false;
    }
    supplied = end;
  }
  return supplied < slots;
}

}  // namespace framering::ring
