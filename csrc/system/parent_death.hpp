// A child process that must not outlive its parent.
#pragma once

#include <sys/types.h>

namespace framering::system {

// Ends this process, at once and without clean-up, when its parent is gone, whatever it is doing
// then. `parent` is the parent's id as the parent knows it: if it has died already, this process
// ends here. Takes SIGUSR1.
//
// The kernel sends a death signal when the thread that made the child ends, too; that is told apart
// by who the parent is, so that a parent may start its workers from any of its threads.
void end_with_parent(pid_t parent);

}  // namespace framering::system
