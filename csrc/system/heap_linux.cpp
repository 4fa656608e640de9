#include <limits>

#include "system/heap.hpp"

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace framering::system {

void keep_freed_memory() {
#ifdef __GLIBC__
  // The largest threshold that every glibc accepts. Larger blocks are still mapped one by one.
  constexpr int kMmapThreshold = 32 << 20;
  // NOLINTBEGIN(concurrency-mt-unsafe): glibc locks the heap; only two calls of mallopt could race.
  ::mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  // NOLINTEND(concurrency-mt-unsafe)
#endif
}

}  // namespace framering::system
