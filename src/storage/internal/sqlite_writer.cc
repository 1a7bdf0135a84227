#include "storage/internal/sqlite_writer.h"

#include <chrono>
#include <exception>
#include <new>
#include <utility>

#include "base/log.h"
#include "base/metrics.h"

namespace hoego::storage::internal {
namespace {

constexpr size_t kMostMembers = 64;
constexpr int kCheckpointPages = 1000;  // 4 MiB: copied into the file without asking anybody
constexpr int kRestartPages =
    16'384;  // 64 MiB: readers are held up for a moment so that the log can start again
constexpr std::chrono::milliseconds kRestartPatience{1000};

class SqliteTransaction final : public Transaction {
 public:
  explicit SqliteTransaction(SqliteConnection& connection) : connection_(connection) {}
  Result<int64_t> Execute(std::string_view sql, std::span<const Value> parameters) override {
    return connection_.Execute(sql, parameters);
  }
  Status Query(std::string_view sql, std::span<const Value> parameters,
               const std::function<Status(const Row&)>& visit) override {
    return connection_.Query(sql, parameters, visit);
  }

 private:
  SqliteConnection& connection_;
};

// The border for exceptions of foreign work: one that got past would leave the line standing for
// ever.
Status RunWork(const std::function<Status(Transaction&)>& work, SqliteConnection& connection) {
  SqliteTransaction transaction(connection);
  try {
    return work(transaction);
  } catch (const std::bad_alloc&) {
    return Status::ResourceExhausted("metadata: out of memory in a write");
  } catch (const std::exception& e) {
    return Status::Internal(fmt::format("metadata: a write threw: {}", e.what()));
  }
}

Counter& Writes(const char* outcome) {
  return Metrics::Global().counter("hoego_metadata_writes_total",
                                   "Writes to the metadata file by outcome",
                                   {{"outcome", outcome}});
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteConnection> connection, SqliteReaders& readers)
    : connection_(std::move(connection)), readers_(readers) {}

Status SqliteWriter::Write(const std::function<Status(Transaction&)>& work) {
  static Counter& ok = Writes("ok");
  static Counter& failed = Writes("failed");
  HOEGO_TRY(TakeTurn(true));
  const GroupRef group = OpenGroup();
  Status status = Finish(group, RunMember(*group, work));
  (status.ok() ? ok : failed).Add();
  return status;
}

Status SqliteWriter::Alone(const std::function<Status(SqliteConnection&)>& work) {
  HOEGO_TRY(TakeTurn(false));
  Status status = connection_->Control("BEGIN IMMEDIATE");
  if (status.ok()) {
    status = work(*connection_);
    if (status.ok()) {
      status = Commit();
    } else if (connection_->in_transaction()) {
      HOEGO_CHECK(connection_->Control("ROLLBACK").ok());
    }
  }
  MutexLock lock(mu_);
  PassOn();
  return status;
}

// Waits in line. When it comes back ok the connection is the caller's until PassOn().
Status SqliteWriter::TakeTurn(bool joins) {
  MutexLock lock(mu_);
  HOEGO_CHECK(holder_ !=
              std::this_thread::get_id());  // a write inside a write would wait for itself
  if (taken_) {
    Waiter waiter;
    waiter.joins = joins;
    line_.push_back(&waiter);
    while (!waiter.called) {
      waiter.call.Wait(mu_);
    }
  }
  taken_ = true;
  holder_ = std::this_thread::get_id();
  if (!stopped_.ok()) {
    PassOn();
    return stopped_;
  }
  HOEGO_CHECK(joins || group_ == nullptr);
  return {};
}

SqliteWriter::GroupRef SqliteWriter::OpenGroup() {
  MutexLock lock(mu_);
  if (group_ == nullptr) {
    group_ = std::make_shared<Group>();
  }
  return group_;
}

// Runs the work of one member. Afterwards its changes stand in the open transaction (ok) or are
// gone (a failure); without an open transaction the whole group is lost.
Status SqliteWriter::RunMember(Group& group, const std::function<Status(Transaction&)>& work) {
  const bool first = group.members == 0;
  HOEGO_TRY(connection_->Control(first ? "BEGIN IMMEDIATE" : "SAVEPOINT member"));
  Status status = RunWork(work, *connection_);
  if (!connection_->in_transaction()) {  // SQLite gave up the transaction: disk full, disk failure,
                                         // no memory
    return status.ok() ? Status::Internal("metadata: the transaction ended early") : status;
  }
  if (!status.ok() && first) {
    HOEGO_CHECK(connection_->Control("ROLLBACK").ok());
    return status;
  }
  Status closed;
  if (!status.ok()) {
    closed = connection_->Control("ROLLBACK TO member");
  }
  if (closed.ok() && !first) {
    closed = connection_->Control("RELEASE member");
  }
  if (!closed.ok()) {
    HOEGO_CHECK(!connection_->in_transaction() || connection_->Control("ROLLBACK").ok());
    return closed;
  }
  group.members += status.ok() ? 1 : 0;
  return status;
}

// Leaves the commit to the next in line when he joins, else commits for all.
Status SqliteWriter::Finish(const GroupRef& group, Status mine) {
  const bool open = connection_->in_transaction();
  {
    MutexLock lock(mu_);
    if (open && !line_.empty() && line_.front()->joins && group->members < kMostMembers) {
      PassOn();
      while (!group->done) {
        group->told.Wait(mu_);
      }
      return group->status.ok() ? mine : group->status;
    }
  }
  Status outcome = open ? Commit() : mine;
  Tell(group, outcome);
  Tidy();
  MutexLock lock(mu_);
  PassOn();
  return outcome.ok() ? mine : outcome;
}

Status SqliteWriter::Commit() {
  static Histogram& seconds = Metrics::Global().histogram(
      "hoego_metadata_commit_seconds", "Time of one commit of the metadata file with its sync");
  const auto start = std::chrono::steady_clock::now();
  Status status = connection_->Control("COMMIT");
  seconds.Observe(std::chrono::steady_clock::now() - start);
  if (status.ok()) {
    return status;
  }
  const bool disk = connection_->last_error_was_disk();
  HOEGO_CHECK(!connection_->in_transaction() || connection_->Control("ROLLBACK").ok());
  if (disk) {
    MutexLock lock(mu_);
    stopped_ = Status::Unavailable(fmt::format(
        "metadata: writing has stopped until the data folder is opened again, after: {}",
        status.message()));
    Log(LogLevel::kError, "storage", "metadata writing has stopped", {{"cause", status.message()}});
  }
  return status;
}

void SqliteWriter::Tell(const GroupRef& group, Status outcome) {
  MutexLock lock(mu_);
  group->done = true;
  group->status = std::move(outcome);
  group_ = nullptr;
  group->told.NotifyAll();
}

void SqliteWriter::PassOn() {
  holder_ = {};
  if (line_.empty()) {
    taken_ = false;
    return;
  }
  Waiter* next = line_.front();
  line_.pop_front();
  next->called = true;
  next->call.NotifyOne();
}

// Keeps the write-ahead log short. A failure here loses nothing, the log still holds all, and it
// comes back at the next commit; so it is counted and logged, not returned.
void SqliteWriter::Tidy() {
  static Counter& failures =
      Metrics::Global().counter("hoego_metadata_checkpoint_failures_total",
                                "Copies of the write-ahead log into the metadata file that failed");
  if (connection_->wal_pages() < kCheckpointPages) {
    return;
  }
  Status status = connection_->Checkpoint(false);
  if (status.ok() && connection_->wal_pages() >= kRestartPages) {
    readers_.WithoutReaders(kRestartPatience, [&] { status = connection_->Checkpoint(true); });
  }
  if (!status.ok()) {
    failures.Add();
    Log(LogLevel::kWarning, "storage", "metadata checkpoint failed", {{"cause", status.message()}});
  }
}

}  // namespace hoego::storage::internal
