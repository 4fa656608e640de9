// The process's heap, as the C library keeps it.
#pragma once

namespace framering::system {

// Lets the heap keep what is freed instead of giving it back to the kernel. An update allocates and
// frees the same tens of megabytes each time; given back, every page of them faults again. Does
// nothing where the C library isn't glibc. The process keeps the most that it ever had in use.
void keep_freed_memory();

}  // namespace framering::system
