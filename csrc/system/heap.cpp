#include "system/heap.hpp"

#include <limits>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace framering::system {

void keep_freed_memory() {
#ifdef __GLIBC__
  // The largest threshold that every glibc takes; larger blocks are mapped one by one.
  constexpr int kMapFrom = 32 << 20;
  ::mallopt(M_MMAP_THRESHOLD, kMapFrom);
  ::mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
#endif
}

}  // namespace framering::system
