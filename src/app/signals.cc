#include "app/signals.h"

#include "base/check.h"

namespace hoego::app {

SignalWaiter::SignalWaiter() {
  std::signal(SIGPIPE, SIG_IGN);
  sigemptyset(&set_);
  sigaddset(&set_, SIGTERM);
  sigaddset(&set_, SIGINT);
  HOEGO_CHECK(pthread_sigmask(SIG_BLOCK, &set_, nullptr) == 0);
}

int SignalWaiter::Wait() const {
  int signal = 0;
  while (sigwait(&set_, &signal) != 0) {
  }
  return signal;
}

}  // namespace hoego::app
