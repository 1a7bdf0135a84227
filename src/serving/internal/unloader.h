#pragma once

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "serving/loaded_version.h"

namespace hoego::serving::internal {

// Destroys versions on its own thread, so that no request pays for freeing a model: the last
// reader's pointer only hands the version over. Freeing a gigabyte takes tens of milliseconds;
// handing it over takes one lock.
//
// Life: its destructor waits until every version it shares has come back. Threads: every method
// from any thread.
class Unloader {
 public:
  // Told on the unloader's thread after a version is destroyed.
  using Destroyed = std::function<void(const std::string& model, uint32_t version)>;
  explicit Unloader(Destroyed destroyed);
  ~Unloader();
  Unloader(const Unloader&) = delete;
  Unloader& operator=(const Unloader&) = delete;

  std::shared_ptr<const LoadedVersion> Share(std::unique_ptr<const LoadedVersion> version);

 private:
  void Take(const LoadedVersion* version) EXCLUDES(mu_);
  void Run() EXCLUDES(mu_);

  const Destroyed destroyed_;
  Mutex mu_;
  CondVar changed_;
  std::vector<std::unique_ptr<const LoadedVersion>> returned_ GUARDED_BY(mu_);
  size_t shared_ GUARDED_BY(mu_) = 0;
  bool stopping_ GUARDED_BY(mu_) = false;
  std::jthread thread_;
};

}  // namespace hoego::serving::internal
