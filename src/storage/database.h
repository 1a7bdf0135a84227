#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"

namespace hoego::storage {

using Value =
    std::variant<std::monostate, int64_t, double, std::string>;  // null, integer, real, text

// One row of an answer; valid during the visit.
class Row {
 public:
  virtual ~Row() = default;
  virtual bool IsNull(int column) const = 0;
  virtual int64_t Int(int column) const = 0;
  virtual double Real(int column) const = 0;
  virtual std::string_view Text(int column) const = 0;
};

// Statements are in the dialect that SQLite and PostgreSQL share: BIGINT, DOUBLE PRECISION, TEXT,
// ON CONFLICT, ? for a parameter, one statement a call. (WITHOUT ROWID after CREATE TABLE is
// SQLite's; another back end leaves it out.) Text is UTF-8 without NUL and reals are not NaN, else
// InvalidArgument. SQLite forgets the sign of a zero in a column of type DOUBLE PRECISION;
// infinities are kept.
//
// Codes: AlreadyExists for a violated unique or primary key, FailedPrecondition for a foreign key,
// InvalidArgument for NOT NULL and CHECK, ResourceExhausted for a full disk, DataLoss for a failing
// or damaged one, Internal for a statement that is wrong.

// Statements inside one transaction; lives only during Database::Write.
class Transaction {
 public:
  virtual ~Transaction() = default;
  // sql uses ? for parameters. Returns the rows changed. AlreadyExists for a violated unique key.
  virtual Result<int64_t> Execute(std::string_view sql, std::span<const Value> parameters) = 0;
  virtual Status Query(std::string_view sql, std::span<const Value> parameters,
                       const std::function<Status(const Row&)>& visit) = 0;
};

struct Migration {
  int version = 0;       // 1, 2, …: forward only
  std::string_view sql;  // one or more statements
};

// First-hand metadata: runs, metrics, artifacts. Durable when Write returns ok (SQLite: WAL,
// synchronous=FULL). Threads: every method from any thread; writers queue in the order they came
// and share commits, readers never wait for them. A visitor may query and write. Pre: `work` does
// not call Write or Migrate (checked). Failure: after a commit that failed on the disk, writes
// answer Unavailable until the file is opened again; reads go on.
class Database {
 public:
  virtual ~Database() = default;
  // All or nothing: commits when `work` returns ok, rolls back otherwise.
  virtual Status Write(const std::function<Status(Transaction&)>& work) = 0;
  virtual Status Query(std::string_view sql, std::span<const Value> parameters,
                       const std::function<Status(const Row&)>& visit) const = 0;
  // Brings the named schema to the newest of the list; FailedPrecondition when the file is newer
  // than the program.
  virtual Status Migrate(std::string_view schema, std::span<const Migration> migrations) = 0;
  virtual Status Check() = 0;  // integrity, for `hoego doctor`
};

Result<std::unique_ptr<Database>> OpenSqlite(const std::string& path);

}  // namespace hoego::storage
