#include "storage/internal/sqlite_connection.h"

#include <sqlite3.h>

#include <array>
#include <cctype>
#include <cmath>
#include <utility>

#include "base/text.h"

namespace hoego::storage::internal {
namespace {

constexpr size_t kKeptStatements = 64;
// How long another process may hold the file (a backup, someone's shell) before a caller is told.
constexpr int kBusyMillis = 10'000;
constexpr int kApplicationId = 0x686f6567;  // "hoeg", docs/formats/metadata.md

class SqliteRow final : public Row {
 public:
  explicit SqliteRow(sqlite3_stmt* handle)
      : handle_(handle), columns_(sqlite3_column_count(handle)) {}
  bool IsNull(int column) const override {
    return sqlite3_column_type(handle_, Checked(column)) == SQLITE_NULL;
  }
  int64_t Int(int column) const override { return sqlite3_column_int64(handle_, Checked(column)); }
  double Real(int column) const override { return sqlite3_column_double(handle_, Checked(column)); }
  std::string_view Text(int column) const override {
    const unsigned char* text = sqlite3_column_text(handle_, Checked(column));
    const int bytes = sqlite3_column_bytes(handle_, column);
    return text == nullptr
               ? std::string_view{}
               : std::string_view(reinterpret_cast<const char*>(text), static_cast<size_t>(bytes));
  }

 private:
  int Checked(int column) const {
    HOEGO_CHECK(column >= 0 && column < columns_);
    return column;
  }
  sqlite3_stmt* handle_;
  int columns_;
};

bool IsBlank(char c) {
  return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

// The first word of a statement in upper case; comments are not ours, so they are not skipped.
std::string Verb(std::string_view sql) {
  std::string word;
  for (const char c : Trim(sql)) {
    if (std::isalpha(static_cast<unsigned char>(c)) == 0) {
      break;
    }
    word += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return word;
}

bool Changes(std::string_view verb) {
  return verb == "INSERT" || verb == "UPDATE" || verb == "DELETE" || verb == "REPLACE" ||
         verb == "WITH";
}
bool Reads(std::string_view verb) {
  return verb == "SELECT" || verb == "VALUES" || verb == "WITH" || verb == "EXPLAIN";
}

// Statements are ours and hold no payload, so a failing one may be shown.
std::string Shown(std::string_view sql) {
  std::string text;
  for (const char c : Trim(sql).substr(0, 160)) {
    text += IsBlank(c) ? ' ' : c;
  }
  return text;
}

int RememberWalPages(void* pages, sqlite3* /*db*/, const char* /*schema*/, int in_log) {
  *static_cast<int*>(pages) = in_log;
  return SQLITE_OK;
}

}  // namespace

// A statement taken from the cache, given back when the use ends.
class SqliteConnection::Use {
 public:
  static Result<Use> Of(SqliteConnection& connection, std::string_view sql) {
    HOEGO_TRY_ASSIGN(Statements taken, connection.Take(sql));
    return Use(connection, std::move(taken));
  }
  Use(Use&& other) noexcept : connection_(other.connection_), taken_(std::move(other.taken_)) {
    other.taken_.clear();
  }
  Use& operator=(Use&&) = delete;
  ~Use() {
    if (!taken_.empty()) {
      connection_->GiveBack(std::move(taken_));
    }
  }
  sqlite3_stmt* handle() const { return taken_.front().handle; }

 private:
  Use(SqliteConnection& connection, Statements taken)
      : connection_(&connection), taken_(std::move(taken)) {}
  SqliteConnection* connection_;
  Statements taken_;
};

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::Open(const std::string& path,
                                                                 Role role) {
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(path, role));
  const int access =
      role == Role::kWriter ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code = sqlite3_open_v2(path.c_str(), &connection->db_,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  if (code != SQLITE_OK) {
    return connection->Failure(code, "open");
  }
  HOEGO_TRY(connection->Configure());
  return connection;
}

Status SqliteConnection::Configure() {
  sqlite3_busy_timeout(db_, kBusyMillis);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  HOEGO_TRY(Control("PRAGMA trusted_schema = OFF"));
  HOEGO_TRY(Control("PRAGMA cache_size = -8192"));
  if (role_ == Role::kReader) {
    return Control("PRAGMA query_only = ON");
  }
  HOEGO_TRY(Claim());
  HOEGO_TRY(Control("PRAGMA foreign_keys = ON"));
  std::string mode;
  HOEGO_TRY(Control("PRAGMA journal_mode = WAL", [&](const Row& row) {
    mode = row.Text(0);
    return Status{};
  }));
  if (mode != "wal") {
    return Status::FailedPrecondition(
        fmt::format("metadata {}: the file system does not allow a write-ahead log", path_));
  }
  HOEGO_TRY(Control("PRAGMA synchronous = FULL"));
  HOEGO_TRY(Control("PRAGMA journal_size_limit = 67108864"));
  // Also what a failed sync left behind in the log is now copied and synced before anything is
  // acknowledged again.
  HOEGO_TRY(Checkpoint(true));
  sqlite3_wal_hook(db_, RememberWalPages,
                   &wal_pages_);  // replaces SQLite's own check-pointing: sqlite_writer.cc
  return {};
}

// Marks a new file as ours and refuses one that another program made.
Status SqliteConnection::Claim() {
  int64_t id = 0;
  int64_t tables = 0;
  HOEGO_TRY(Control("PRAGMA application_id", [&](const Row& row) {
    id = row.Int(0);
    return Status{};
  }));
  HOEGO_TRY(Control("SELECT count(*) FROM sqlite_master", [&](const Row& row) {
    tables = row.Int(0);
    return Status{};
  }));
  if (id == kApplicationId) {
    return {};
  }
  if (id != 0 || tables != 0) {
    return Status::FailedPrecondition(
        fmt::format("metadata {}: this SQLite file is not one of ours", path_));
  }
  return Control(fmt::format("PRAGMA application_id = {}", kApplicationId));
}

SqliteConnection::~SqliteConnection() {
  for (const Statement& statement : idle_) {
    sqlite3_finalize(statement.handle);
  }
  HOEGO_CHECK(sqlite3_close(db_) == SQLITE_OK);  // else a statement outlives its connection
}

Result<int64_t> SqliteConnection::Execute(std::string_view sql, std::span<const Value> parameters) {
  if (!Changes(Verb(sql))) {
    return Status::Internal(
        fmt::format("metadata: expected INSERT, UPDATE or DELETE: {}", Shown(sql)));
  }
  HOEGO_TRY_ASSIGN(const Use use, Use::Of(*this, sql));
  HOEGO_TRY(Bind(use.handle(), parameters));
  HOEGO_TRY(Steps(use.handle(), nullptr));
  return sqlite3_stmt_readonly(use.handle()) != 0 ? 0 : sqlite3_changes64(db_);
}

Status SqliteConnection::Query(std::string_view sql, std::span<const Value> parameters,
                               const Visit& visit) {
  const std::string verb = Verb(sql);
  if (!Reads(verb) && !(role_ == Role::kWriter && Changes(verb))) {
    return Status::Internal(fmt::format("metadata: expected SELECT: {}", Shown(sql)));
  }
  HOEGO_TRY_ASSIGN(const Use use, Use::Of(*this, sql));
  if (sqlite3_column_count(use.handle()) == 0) {
    return Status::Internal(fmt::format("metadata: a query that returns no rows: {}", Shown(sql)));
  }
  HOEGO_TRY(Bind(use.handle(), parameters));
  return Steps(use.handle(), visit);
}

Status SqliteConnection::Control(std::string_view sql, const Visit& visit) {
  HOEGO_TRY_ASSIGN(const Use use, Use::Of(*this, sql));
  return Steps(use.handle(), visit);
}

Status SqliteConnection::Script(std::string_view sql) {
  const std::string text(sql);
  const char* at = text.c_str();
  while (*at != '\0') {
    sqlite3_stmt* handle = nullptr;
    const char* next = nullptr;
    if (const int code = sqlite3_prepare_v2(db_, at, -1, &handle, &next); code != SQLITE_OK) {
      return Failure(code, at);
    }
    const Status stepped = handle == nullptr ? Status{} : Steps(handle, nullptr);
    sqlite3_finalize(handle);
    HOEGO_TRY(stepped);
    at = next;
  }
  return {};
}

bool SqliteConnection::in_transaction() const {
  return sqlite3_get_autocommit(db_) == 0;
}

bool SqliteConnection::last_error_was_disk() const {
  const int code = sqlite3_errcode(db_) & 0xff;
  return code == SQLITE_IOERR || code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
}

Status SqliteConnection::Checkpoint(bool restart) {
  const int mode = restart ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  int pages = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(db_, nullptr, mode, &pages, &copied);
  if (code != SQLITE_OK) {
    return Failure(code, "checkpoint");
  }
  wal_pages_ = pages;
  return {};
}

Result<SqliteConnection::Statements> SqliteConnection::Take(std::string_view sql) {
  Statements taken;
  if (const auto found = index_.find(sql); found != index_.end()) {
    taken.splice(taken.begin(), idle_, found->second);
    index_.erase(found);
    return taken;
  }
  if (sql.find('\0') != std::string_view::npos) {
    return Status::Internal("metadata: a statement holds NUL");
  }
  taken.push_back(Statement{std::string(sql), nullptr});
  Statement& statement = taken.front();
  const char* tail = nullptr;
  const int code =
      sqlite3_prepare_v3(db_, statement.sql.c_str(), static_cast<int>(statement.sql.size() + 1),
                         SQLITE_PREPARE_PERSISTENT, &statement.handle, &tail);
  if (code != SQLITE_OK) {
    return Failure(code, sql);
  }
  if (statement.handle == nullptr || !Trim(tail).empty()) {
    sqlite3_finalize(statement.handle);
    return Status::Internal(fmt::format("metadata: expected one statement: {}", Shown(sql)));
  }
  return taken;
}

// The same text can be in use twice (a visitor that runs its own query); then one of the two is
// kept.
void SqliteConnection::GiveBack(Statements statement) {
  sqlite3_reset(statement.front().handle);
  sqlite3_clear_bindings(statement.front().handle);
  if (index_.contains(statement.front().sql)) {
    sqlite3_finalize(statement.front().handle);
    return;
  }
  idle_.splice(idle_.begin(), statement);
  index_.emplace(idle_.front().sql, idle_.begin());
  if (idle_.size() > kKeptStatements) {
    sqlite3_finalize(idle_.back().handle);
    index_.erase(idle_.back().sql);
    idle_.pop_back();
  }
}

Status SqliteConnection::Bind(sqlite3_stmt* handle, std::span<const Value> parameters) {
  const int wanted = sqlite3_bind_parameter_count(handle);
  if (static_cast<size_t>(wanted) != parameters.size()) {
    return Status::Internal(fmt::format("metadata: {} values for {} parameters: {}",
                                        parameters.size(), wanted, Shown(sqlite3_sql(handle))));
  }
  for (int i = 0; i < wanted; ++i) {
    const Value& value = parameters[static_cast<size_t>(i)];
    int code = SQLITE_OK;
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      code = sqlite3_bind_int64(handle, i + 1, *integer);
    } else if (const auto* real = std::get_if<double>(&value)) {
      if (std::isnan(*real)) {
        return Status::InvalidArgument(
            fmt::format("metadata: value {} is NaN, expected a number", i + 1));
      }
      code = sqlite3_bind_double(handle, i + 1, *real);
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      if (text->find('\0') != std::string::npos || !IsValidUtf8(*text)) {
        return Status::InvalidArgument(
            fmt::format("metadata: value {} is not UTF-8 text without NUL", i + 1));
      }
      code = sqlite3_bind_text64(handle, i + 1, text->data(), text->size(), SQLITE_STATIC,
                                 SQLITE_UTF8);
    } else {
      code = sqlite3_bind_null(handle, i + 1);
    }
    if (code != SQLITE_OK) {
      return Failure(code, sqlite3_sql(handle));
    }
  }
  return {};
}

Status SqliteConnection::Steps(sqlite3_stmt* handle, const Visit& visit) {
  const SqliteRow row(handle);
  while (true) {
    const int code = sqlite3_step(handle);
    if (code == SQLITE_DONE) {
      return {};
    }
    if (code != SQLITE_ROW) {
      return Failure(code, sqlite3_sql(handle));
    }
    if (visit) {
      HOEGO_TRY(visit(row));
    }
  }
}

// Constraint messages of SQLite name table and column only ("UNIQUE constraint failed:
// experiments.name").
Status SqliteConnection::Failure(int code, std::string_view sql) const {
  const std::string said = db_ == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db_);
  const auto message = [&](std::string_view what) {
    return fmt::format("metadata {}: {}: {}", path_, what, said);
  };
  switch (code) {
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
      return Status::AlreadyExists(fmt::format("metadata: {}", said));
    case SQLITE_CONSTRAINT_FOREIGNKEY:
      return Status::FailedPrecondition(fmt::format("metadata: {}", said));
    default:
      break;
  }
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return Status::InvalidArgument(fmt::format("metadata: {}", said));
    case SQLITE_TOOBIG:
      return Status::InvalidArgument("metadata: a value is larger than a row can hold");
    case SQLITE_FULL:
      return Status::ResourceExhausted(message("disk full"));
    case SQLITE_NOMEM:
      return Status::ResourceExhausted(message("out of memory"));
    case SQLITE_IOERR:
      return Status::DataLoss(message("disk failure"));
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Status::DataLoss(message("damaged file"));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:  // never SQLite's own words: they tell a user nothing
      return Status::Unavailable(fmt::format(
          "metadata {}: another process has held the file for {} s", path_, kBusyMillis / 1000));
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_READONLY:
      return Status::FailedPrecondition(message("cannot be opened for this"));
    default:
      return Status::Internal(fmt::format("metadata: {}: {}", said, Shown(sql)));
  }
}

}  // namespace hoego::storage::internal
