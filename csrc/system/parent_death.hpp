// Exit of a child process when its parent exits.
#pragma once

#include <sys/types.h>

namespace framering::system {

// Makes this process exit, immediately and without clean-up, when its parent process has exited.
// `parent` is the parent's process id; if the parent has exited already, this call exits. The
// parent may start its workers from any of its threads, and end those threads.
//
// Linux (parent_death_linux.cpp): uses SIGUSR1 and PR_SET_PDEATHSIG. The kernel also sends the
// death signal when the thread that started this process exits. The signal handler compares the
// parent's id to distinguish the two.
//
// POSIX (parent_death_posix.cpp): a thread compares the parent's id ten times a second.
void exit_with_parent(pid_t parent);

}  // namespace framering::system
