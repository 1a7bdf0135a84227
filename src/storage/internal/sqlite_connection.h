#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/status.h"
#include "storage/database.h"

struct sqlite3;
struct sqlite3_stmt;

namespace hoego::storage::internal {

// One SQLite connection with its prepared statements. A statement is checked before it runs: one
// statement, of a kind that belongs where it stands, one value for each "?", text in UTF-8 without
// NUL, no NaN (SQLite would keep NULL).
//
// Threads: one thread at a time. Cost: a statement seen before is not parsed again (the last 64 are
// kept). Failure: SQLite's codes become ours (see sqlite_connection.cc); messages name the
// constraint or file, never a value.
class SqliteConnection {
 public:
  enum class Role { kWriter, kReader };
  using Visit = std::function<Status(const Row&)>;

  static Result<std::unique_ptr<SqliteConnection>> Open(const std::string& path, Role role);
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  // INSERT, UPDATE, DELETE, REPLACE or WITH; returns the rows changed.
  Result<int64_t> Execute(std::string_view sql, std::span<const Value> parameters);
  // SELECT, VALUES, WITH or EXPLAIN; a changing statement with RETURNING on the writer only.
  Status Query(std::string_view sql, std::span<const Value> parameters, const Visit& visit);

  // Our own words: BEGIN, COMMIT, SAVEPOINT, PRAGMA. Rows go to `visit` when there is one.
  Status Control(std::string_view sql, const Visit& visit = nullptr);
  // A migration: statements of any kind, one after the other.
  Status Script(std::string_view sql);

  bool in_transaction() const;
  // What SQLite said last was a failed read, write or sync of the file, or damage found in it.
  bool last_error_was_disk() const;

  int wal_pages() const { return wal_pages_; }  // in the write-ahead log after the last commit
  // Copies the log into the file as far as readers allow; `restart` also empties it, for which no
  // reader may be active.
  Status Checkpoint(bool restart);

 private:
  struct Statement {
    std::string sql;
    sqlite3_stmt* handle = nullptr;
  };
  using Statements = std::list<Statement>;
  class Use;

  SqliteConnection(std::string path, Role role) : path_(std::move(path)), role_(role) {}
  Status Configure();
  Status Claim();
  Result<Statements> Take(std::string_view sql);
  void GiveBack(Statements statement);
  Status Bind(sqlite3_stmt* handle, std::span<const Value> parameters);
  Status Steps(sqlite3_stmt* handle, const Visit& visit);
  Status Failure(int code, std::string_view sql) const;

  const std::string path_;
  const Role role_;
  sqlite3* db_ = nullptr;
  int wal_pages_ = 0;
  Statements idle_;  // newest first
  std::unordered_map<std::string_view, Statements::iterator> index_;
};

}  // namespace hoego::storage::internal
