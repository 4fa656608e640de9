#include "system/lane_tasks.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace framering::system {

namespace {

std::uint64_t load(std::uint64_t& word, std::memory_order order) {
  return std::atomic_ref(word).load(order);
}

}  // namespace

std::size_t LaneTasks::bytes(std::size_t lanes) {
  return sizeof(Totals) + sizeof(Wanted) + sizeof(Doorbell) + lanes * sizeof(Task);
}

LaneTasks::LaneTasks(std::byte* memory, std::size_t lanes)
    : totals_(reinterpret_cast<Totals*>(memory)),
      wanted_(reinterpret_cast<Wanted*>(totals_ + 1)),
      bell_(reinterpret_cast<Doorbell*>(wanted_ + 1)),
      tasks_(reinterpret_cast<Task*>(bell_ + 1), lanes) {}

LaneTasks::Task& LaneTasks::task(std::size_t lane) const {
  if (lane >= tasks_.size()) {
    throw std::out_of_range("lane: expected less than " + std::to_string(tasks_.size()) + ", got " +
                            std::to_string(lane));
  }
  return tasks_[lane];
}

void LaneTasks::start(std::size_t lane) const {
  Task& its = task(lane);
  const std::uint64_t started = load(its.started, std::memory_order_relaxed);
  if (started != load(its.taken, std::memory_order_relaxed)) {
    throw std::logic_error("lane " + std::to_string(lane) +
                           " has a task already: take its result first");
  }
  std::atomic_ref(its.start_order).store(wanted_->next_start++, std::memory_order_relaxed);
  std::atomic_ref(its.started).store(started + 1, std::memory_order_release);
}

std::size_t LaneTasks::count_ready() const {
  return static_cast<std::size_t>(std::ranges::count_if(tasks_, [](Task& its) {
    return load(its.finished, std::memory_order_acquire) !=
           load(its.taken, std::memory_order_relaxed);
  }));
}

std::size_t LaneTasks::wait_ready(std::size_t number, std::chrono::microseconds spin,
                                  std::chrono::microseconds timeout) const {
  for (;;) {
    const std::uint32_t seen = count(*bell_);
    const std::uint64_t before = load(totals_->total, std::memory_order_acquire);
    const std::size_t ready = count_ready();
    if (ready >= number) {
      return ready;
    }
    const std::uint64_t wanted = before + (number - ready);
    std::atomic_ref(wanted_->wanted).store(wanted, std::memory_order_seq_cst);
    if (load(totals_->total, std::memory_order_seq_cst) < wanted &&
        !wait(*bell_, seen, spin, timeout)) {
      return count_ready();
    }
  }
}

std::vector<std::size_t> LaneTasks::take_ready(std::size_t most) const {
  std::vector<std::size_t> lanes;
  for (std::size_t lane = 0; lane < tasks_.size(); ++lane) {
    if (load(tasks_[lane].finished, std::memory_order_acquire) !=
        load(tasks_[lane].taken, std::memory_order_relaxed)) {
      lanes.push_back(lane);
    }
  }
  std::ranges::sort(lanes, {}, [this](std::size_t lane) {
    return load(tasks_[lane].order, std::memory_order_relaxed);
  });
  lanes.resize(std::min(lanes.size(), most));
  for (const std::size_t lane : lanes) {
    // It does not change before the lane is started again.
    const std::uint64_t finished = load(tasks_[lane].finished, std::memory_order_relaxed);
    std::atomic_ref(tasks_[lane].taken).store(finished, std::memory_order_relaxed);
  }
  return lanes;
}

std::optional<std::size_t> LaneTasks::next_own(std::size_t own, std::size_t number) const {
  std::optional<std::size_t> first;
  std::uint64_t first_start = wanted_->next_start;
  for (std::size_t lane = 0; lane < own; ++lane) {
    Task& its = task(lane);
    const std::uint64_t start = load(its.start_order, std::memory_order_relaxed);
    if (start < first_start && load(its.started, std::memory_order_relaxed) !=
                                   load(its.finished, std::memory_order_relaxed)) {
      first = lane;
      first_start = start;
    }
  }
  const bool waited_long = wanted_->next_start - first_start > 2 * tasks_.size();
  return waited_long || count_ready() < number ? first : std::nullopt;
}

std::vector<std::size_t> LaneTasks::running(std::size_t first, std::size_t last) const {
  std::vector<std::size_t> lanes;
  for (std::size_t lane = first; lane < last; ++lane) {
    Task& its = task(lane);
    if (load(its.started, std::memory_order_acquire) !=
        load(its.finished, std::memory_order_relaxed)) {
      lanes.push_back(lane);
    }
  }
  std::ranges::sort(lanes, {}, [this](std::size_t lane) {
    return load(tasks_[lane].start_order, std::memory_order_relaxed);
  });
  return lanes;
}

void LaneTasks::finish(std::size_t lane) const {
  Task& its = task(lane);
  const std::uint64_t order =
      std::atomic_ref(totals_->next_order).fetch_add(1, std::memory_order_relaxed);
  std::atomic_ref(its.order).store(order, std::memory_order_relaxed);
  std::atomic_ref(its.finished)
      .store(load(its.finished, std::memory_order_relaxed) + 1, std::memory_order_release);
  const std::uint64_t total =
      std::atomic_ref(totals_->total).fetch_add(1, std::memory_order_seq_cst) + 1;
  if (total >= load(wanted_->wanted, std::memory_order_seq_cst)) {
    ring(*bell_);
  }
}

}  // namespace framering::system
