#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <thread>

#include "base/mutex.h"
#include "base/status.h"
#include "storage/database.h"
#include "storage/internal/sqlite_connection.h"
#include "storage/internal/sqlite_readers.h"

namespace hoego::storage::internal {

// The one connection that writes. Callers take turns in the order they came, each runs its own work
// on its own thread, and those that queue up meanwhile share one commit, so one sync of the disk:
//
//   idle --first caller: BEGIN--> working --next caller waits: SAVEPOINT, its work--> working
//    ^                              | nobody waits, or 64 have joined
//    '------- everyone told --------'-- COMMIT
//
// A member that fails is rolled back alone. A commit that fails fails every member, also one that
// had failed on what it saw of the others. After a commit that failed for the disk's sake nothing
// is acknowledged until the file is opened again: what the kernel dropped may lie before what a
// later commit writes.
//
// Threads: every method from any thread. Pre: not called from within its own work (checked).
// Cost: the waiting line is as long as there are calling threads.
class SqliteWriter {
 public:
  SqliteWriter(std::unique_ptr<SqliteConnection> connection, SqliteReaders& readers);

  Status Write(const std::function<Status(Transaction&)>& work);
  // A transaction of its own with the whole connection, for migrations.
  Status Alone(const std::function<Status(SqliteConnection&)>& work);

 private:
  struct Waiter {
    bool joins = false;
    bool called = false;
    CondVar call;
  };
  struct Group {
    size_t members = 0;  // whose work stands in the open transaction
    bool done = false;
    Status status;
    CondVar told;
  };
  using GroupRef = std::shared_ptr<Group>;

  Status TakeTurn(bool joins);
  GroupRef OpenGroup();
  Status RunMember(Group& group, const std::function<Status(Transaction&)>& work);
  Status Finish(const GroupRef& group, Status mine);
  Status Commit();
  void Tell(const GroupRef& group, Status outcome);
  void PassOn() REQUIRES(mu_);
  void Tidy();

  // Only whoever's turn it is touches it.
  const std::unique_ptr<SqliteConnection> connection_;
  SqliteReaders& readers_;

  Mutex mu_;
  bool taken_ GUARDED_BY(mu_) = false;
  std::thread::id holder_ GUARDED_BY(mu_);
  std::deque<Waiter*> line_ GUARDED_BY(mu_);
  GroupRef group_ GUARDED_BY(mu_);  // null: no transaction is open
  Status stopped_ GUARDED_BY(mu_);
};

}  // namespace hoego::storage::internal
