#include "serving/internal/unloader.h"

#include <utility>

namespace hoego::serving::internal {

Unloader::Unloader(Destroyed destroyed)
    : destroyed_(std::move(destroyed)), thread_([this] { Run(); }) {}

Unloader::~Unloader() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

std::shared_ptr<const LoadedVersion> Unloader::Share(std::unique_ptr<const LoadedVersion> version) {
  {
    MutexLock lock(mu_);
    ++shared_;
    returned_.reserve(shared_);  // so that Take, which runs in a destructor, needs no memory
  }
  return {version.release(), [this](const LoadedVersion* v) { Take(v); }};
}

void Unloader::Take(const LoadedVersion* version) {
  MutexLock lock(mu_);
  returned_.emplace_back(version);
  changed_.NotifyAll();
}

void Unloader::Run() {
  while (true) {
    std::unique_ptr<const LoadedVersion> version;
    {
      MutexLock lock(mu_);
      while (returned_.empty() && !(stopping_ && shared_ == 0)) {
        changed_.Wait(mu_);
      }
      if (returned_.empty()) {
        return;
      }
      version = std::move(returned_.back());
      returned_.pop_back();
    }
    const std::string model = version->model;
    const uint32_t number = version->version;
    version.reset();
    destroyed_(model, number);
    MutexLock lock(mu_);
    --shared_;
  }
}

}  // namespace hoego::serving::internal
