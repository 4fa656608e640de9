// Settings of the process's heap.
#pragma once

namespace framering::system {

// Makes malloc keep freed memory instead of returning it to the kernel (M_MMAP_THRESHOLD,
// M_TRIM_THRESHOLD). A gradient step allocates and frees the same tens of megabytes each time; if
// they were returned, each of their pages would fault again. Afterwards the process's memory does
// not shrink below its peak. Does nothing with a C library other than glibc (heap_linux.cpp), or
// with the portable back end (heap_posix.cpp).
void keep_freed_memory();

}  // namespace framering::system
