#pragma once

#include <csignal>

namespace hoego::app {

// SIGTERM and SIGINT as something to wait for. Made first in main's thread: it blocks both for every thread made later, and
// ignores SIGPIPE.
class SignalWaiter {
 public:
  SignalWaiter();
  // Returns the signal that came.
  int Wait() const;

 private:
  sigset_t set_{};
};

}  // namespace hoego::app
