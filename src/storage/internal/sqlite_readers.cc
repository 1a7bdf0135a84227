#include "storage/internal/sqlite_readers.h"

#include <utility>

namespace hoego::storage::internal {
namespace {

// Queries this thread is inside of, of any database.
thread_local int t_depth = 0;

}  // namespace

Status SqliteReaders::With(const std::function<Status(SqliteConnection&)>& read) {
  struct Visitor {
    Visitor(SqliteReaders& of, std::unique_ptr<SqliteConnection> taken)
        : readers(of), connection(std::move(taken)) {
      ++t_depth;
    }
    Visitor(const Visitor&) = delete;
    Visitor& operator=(const Visitor&) = delete;
    ~Visitor() {
      --t_depth;
      readers.GiveBack(std::move(connection));
    }
    SqliteReaders& readers;
    std::unique_ptr<SqliteConnection> connection;
  };
  HOEGO_TRY_ASSIGN(std::unique_ptr<SqliteConnection> connection, Take());
  const Visitor visitor(*this, std::move(connection));
  return read(*visitor.connection);
}

Result<std::unique_ptr<SqliteConnection>> SqliteReaders::Take() {
  {
    MutexLock lock(mu_);
    while (t_depth == 0 && (closed_ || inside_ >= most_)) {
      changed_.Wait(mu_);
    }
    ++inside_;
    if (!idle_.empty()) {
      auto connection = std::move(idle_.back());
      idle_.pop_back();
      return connection;
    }
  }
  auto opened = SqliteConnection::Open(path_, SqliteConnection::Role::kReader);
  if (!opened.ok()) {
    GiveBack(nullptr);
  }
  return opened;
}

void SqliteReaders::GiveBack(std::unique_ptr<SqliteConnection> connection) {
  MutexLock lock(mu_);
  --inside_;
  if (connection != nullptr && idle_.size() < most_) {
    idle_.push_back(std::move(connection));
  }
  changed_.NotifyAll();
}

bool SqliteReaders::WithoutReaders(std::chrono::milliseconds patience,
                                   const std::function<void()>& work) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  MutexLock lock(mu_);
  closed_ = true;
  while (inside_ > 0) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero() || !changed_.WaitFor(mu_, left)) {
      break;
    }
  }
  const bool alone = inside_ == 0;
  if (alone) {
    work();
  }
  closed_ = false;
  changed_.NotifyAll();
  return alone;
}

void SqliteReaders::CloseAll() {
  MutexLock lock(mu_);
  HOEGO_CHECK(inside_ == 0);
  idle_.clear();
}

}  // namespace hoego::storage::internal
