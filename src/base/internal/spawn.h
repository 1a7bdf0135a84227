#pragma once

#include <sys/types.h>

#include "base/child.h"
#include "base/status.h"

namespace hoego::internal {

// Starts the program of `options` in a process group of its own, its standard output and error on
// the given descriptors, its standard input empty, with signals as a fresh program expects them.
// Answers the process id; what kept the program from starting (no such file, no such folder) is the
// Status. Cost: under a millisecond whatever our own size; the calling thread sleeps until the
// program is loaded. Pre: the calling thread outlives the child, which is killed when that thread
// ends.
Result<pid_t> Spawn(const ChildOptions& options, int output, int errors);

}  // namespace hoego::internal
