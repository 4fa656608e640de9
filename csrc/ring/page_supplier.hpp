// Memory pages for a ring's first lap, fetched before they are written.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "ring/ring.hpp"

namespace framering::ring {

// A page that is written for the first time costs the writer as much as several adds, because the
// kernel finds and clears it then. A supplier's thread touches pages some tens of MiB ahead of the
// writers of a private ring: no more, so that no memory is taken that nobody will use. The thread
// sleeps while it is far enough ahead, and ends with the first lap.
class PageSupplier {
 public:
  PageSupplier(const Layout& layout, std::byte* block);
  PageSupplier(const PageSupplier&) = delete;
  PageSupplier& operator=(const PageSupplier&) = delete;
  PageSupplier(PageSupplier&&) = delete;
  PageSupplier& operator=(PageSupplier&&) = delete;
  ~PageSupplier();

  // Whether a ring is so large that its pages are worth a thread.
  static bool worthwhile(const Layout& layout);

 private:
  void run(const std::stop_token& stop);
  bool supply(std::size_t index, const std::stop_token& stop);

  Layout layout_;
  std::byte* block_;
  std::vector<std::uint64_t> supplied_;  // slots of each lane whose pages are there
  pid_t process_;
  std::unique_ptr<std::jthread> thread_;  // last: it uses all the others
};

}  // namespace framering::ring
