// Tasks of lanes, which worker processes execute one by one and finish in any order.
//
// Each lane has counts of its tasks: started and taken by the parent, finished by the worker that
// executes the lane. A lane is running while its task is not finished, and ready until its result
// is taken. The counts of all lanes and a doorbell let the parent sleep until as many lanes are
// ready as it needs: it is not woken for each of them. The memory is shared and begins as zeros.
//
//   parent                                           worker of the lane
//   P1  ...write the command                         L1  started != finished?         acquire
//   P2  started  := started + 1     release          L2  ...execute it, write the results
//   P3  ring the worker's doorbell                   L3  order    := next_order++     relaxed
//                                                    L4  finished := finished + 1     release
//   P4  seen     := rings so far    acquire          L5  total    := total + 1        seq_cst
//   P5  before   := total           acquire          L6  total >= wanted?             seq_cst
//   P6  count the ready lanes       acquire          L7  if so: ring the doorbell
//   P7  wanted   := before + missing          seq_cst
//   P8  total >= wanted? go on with P4        seq_cst
//   P9  wait for a ring after `seen`; go on with P4
//
// Proof obligations, and why they hold:
//
// 1. Each side sees what the other wrote. L1 loads what P2 stored, and P6 what L4 stored, each with
//    acquire and release.
//
// 2. The parent never waits for lanes that are ready already. A task that `before` counts had
//    finished its L4 before its L5, so P6 sees it. A task that P6 does not see is therefore not in
//    `before`, and its L5 raises total above it: `missing` more tasks raise total to `wanted` at
//    least. A task whose L4 precedes P6 while its L5 follows P5 is counted twice, so that the ring
//    may come early. P4 then begins again.
//
// 3. No ring is lost. Consider the L5 with which total reaches `wanted`. P7, P8, L5 and L6 are
//    sequentially consistent. If L5 precedes P8, the parent does not wait. Otherwise P7 precedes
//    L6, which sees `wanted` and rings, after P4 counted the rings: the wait of P9 ends (see
//    doorbell.hpp).
//
// 4. A dead worker harms nobody. If it dies before L4, the lane is still running, and its successor
//    executes the task. If it dies between L4 and L5, the lane is ready but total does not count
//    it. The parent's wait ends by its timeout then, and P6 sees the lane; later waits compare
//    total only with a newer `before`. An order that was drawn and not used leaves a gap.
//
// 5. No lane starves. A worker executes its lanes in the order in which they were started, and the
//    parent takes them in the order in which they finished: both are queues.
//
//    The first lanes may be the parent's own, which it executes itself, one at a time, while too
//    few are ready. A parent that is busy elsewhere finds enough of the workers' ready each time;
//    so it also executes an own lane that was started more than 2 * lanes starts ago.
//
// There is one parent thread at a time, and one worker at a time for a lane: for an own lane, this
// is the parent. The counts have 64 bits and do not wrap.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "system/doorbell.hpp"

namespace framering::system {

class LaneTasks {
 public:
  // Bytes of memory for a number of lanes.
  static std::size_t bytes(std::size_t lanes);

  // A view of the memory, aligned to 64 bytes, which the caller keeps.
  LaneTasks(std::byte* memory, std::size_t lanes);

  // The parent's side. Like all functions that take a lane, start throws std::out_of_range for a
  // lane that does not exist. It throws std::logic_error for a lane whose last result was not taken
  // (P2).
  void start(std::size_t lane) const;
  // Waits until `number` lanes are ready (P4 to P9); returns how many are. Returns fewer only after
  // the timeout or a signal.
  [[nodiscard]] std::size_t wait_ready(std::size_t number, std::chrono::microseconds spin,
                                       std::chrono::microseconds timeout) const;
  // Takes ready lanes, at most `most`, in the order in which they finished.
  [[nodiscard]] std::vector<std::size_t> take_ready(
      std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  // The lane in [0, own) that the parent should execute before it takes `number` lanes: the running
  // one that was started first, if fewer are ready or if it has waited too long; else nothing.
  [[nodiscard]] std::optional<std::size_t> next_own(std::size_t own, std::size_t number) const;

  // The worker's side: its running lanes in [first, last) in the order in which they were started
  // (L1), and the end of a lane's task (L3 to L7).
  [[nodiscard]] std::vector<std::size_t> running(std::size_t first, std::size_t last) const;
  void finish(std::size_t lane) const;

 private:
  // Plain words, because zeroed memory must be valid. The cache lines are those that one side
  // writes.
  struct alignas(64) Totals {
    std::uint64_t next_order;
    std::uint64_t total;
  };
  struct alignas(64) Wanted {
    std::uint64_t wanted;
    std::uint64_t next_start;
  };
  struct alignas(64) Task {
    std::uint64_t started;
    std::uint64_t start_order;
    std::uint64_t taken;
    std::uint64_t finished;
    std::uint64_t order;
  };
  static_assert(std::atomic_ref<std::uint64_t>::is_always_lock_free);

  [[nodiscard]] Task& task(std::size_t lane) const;
  [[nodiscard]] std::size_t count_ready() const;

  Totals* totals_;
  Wanted* wanted_;
  Doorbell* bell_;
  std::span<Task> tasks_;
};

}  // namespace framering::system
