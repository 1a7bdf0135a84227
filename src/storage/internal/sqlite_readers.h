#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/internal/sqlite_connection.h"

namespace hoego::storage::internal {

// A few connections that only read, made when first needed. A reader sees the last commit at the
// moment its statement begins and never waits for a writer.
//
// Threads: every method from any thread. With all connections in use a caller waits for one; a
// visitor that queries again gets a connection of its own, so that it cannot wait for itself.
class SqliteReaders {
 public:
  SqliteReaders(std::string path, size_t most) : path_(std::move(path)), most_(most) {}

  Status With(const std::function<Status(SqliteConnection&)>& read);

  // Lets nobody in, waits at most `patience` until nobody is inside, then runs `work`. False when
  // somebody stayed.
  bool WithoutReaders(std::chrono::milliseconds patience, const std::function<void()>& work);

  // Pre: nobody is inside.
  void CloseAll();

 private:
  Result<std::unique_ptr<SqliteConnection>> Take();
  void GiveBack(std::unique_ptr<SqliteConnection> connection);

  const std::string path_;
  const size_t most_;
  Mutex mu_;
  CondVar changed_;
  std::vector<std::unique_ptr<SqliteConnection>> idle_ GUARDED_BY(mu_);
  size_t inside_ GUARDED_BY(mu_) = 0;
  bool closed_ GUARDED_BY(mu_) = false;
};

}  // namespace hoego::storage::internal
