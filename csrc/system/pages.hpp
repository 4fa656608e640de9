// Pages of memory, by the calls of the operating system: pages_linux.cpp, or pages_posix.cpp for
// any other POSIX system. Functions that return an int return 0 or the number of an error.
#pragma once

#include <cstddef>
#include <cstdint>

namespace framering::system {

// The free memory that the system reports; no limit if it reports none. Linux: its estimate of the
// memory available without swapping. POSIX: all of the machine's memory.
std::uint64_t reported_memory();

// Asks for huge pages, where the system has them. Nothing depends on it.
void advise_huge_pages(std::byte* data, std::size_t bytes);

// Returns the descriptor of a new, empty file in memory without a name, closed on exec, or −1 with
// the error in errno. Linux: memfd_create. POSIX: shm_open; the name is removed at once.
int create_shared_file();

// The size of a shared file with room for so many bytes. Linux: just these. POSIX: whole pages,
// because macOS would round up, and then fstat would report another size than ftruncate was given.
std::size_t shared_file_bytes(std::size_t bytes);

// Allocates the pages of a part of a shared file, so that a lack of memory is an error here and no
// signal later. Systems without posix_fallocate (macOS) allocate at the first write, and swap.
int allocate_shared_pages(int descriptor, std::size_t offset, std::size_t bytes);

// Frees whole pages of private memory. Linux: they read as zeros. POSIX: until the system needs the
// memory (MADV_FREE), they may keep what they hold; a write keeps them.
int free_private_pages(std::byte* data, std::size_t bytes);

// Frees whole pages of a shared file, which then read as zeros. POSIX: keeps them, because no call
// frees a part of what shm_open made.
int free_shared_pages(int descriptor, std::size_t offset, std::size_t bytes);

}  // namespace framering::system
