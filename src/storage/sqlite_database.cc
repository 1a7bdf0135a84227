#include <filesystem>
#include <set>
#include <utility>

#include "storage/database.h"
#include "storage/internal/sqlite_connection.h"
#include "storage/internal/sqlite_readers.h"
#include "storage/internal/sqlite_writer.h"

namespace hoego::storage {
namespace {

using internal::SqliteConnection;
using internal::SqliteReaders;
using internal::SqliteWriter;

constexpr size_t kReaders = 4;
constexpr size_t kShownFindings = 5;

constexpr std::string_view kVersionsTable =
    "CREATE TABLE IF NOT EXISTS schema_versions (name TEXT NOT NULL PRIMARY KEY, version BIGINT "
    "NOT NULL)";

Status CheckNumbering(std::string_view schema, std::span<const Migration> migrations) {
  for (size_t i = 0; i < migrations.size(); ++i) {
    if (migrations[i].version != static_cast<int>(i) + 1) {
      return Status::InvalidArgument(
          fmt::format("schema {}: migration {} stands at place {}, expected 1, 2, 3, …", schema,
                      migrations[i].version, i + 1));
    }
  }
  return {};
}

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(const std::string& path, std::unique_ptr<SqliteConnection> writer)
      : readers_(path, kReaders), writer_(std::move(writer), readers_) {}
  SqliteDatabase(const SqliteDatabase&) = delete;
  SqliteDatabase& operator=(const SqliteDatabase&) = delete;
  // The writer closes last: the last connection folds the log into the file, which a reader may not
  // do.
  ~SqliteDatabase() override { readers_.CloseAll(); }

  Status Write(const std::function<Status(Transaction&)>& work) override {
    return writer_.Write(work);
  }

  Status Query(std::string_view sql, std::span<const Value> parameters,
               const std::function<Status(const Row&)>& visit) const override {
    return readers_.With(
        [&](SqliteConnection& connection) { return connection.Query(sql, parameters, visit); });
  }

  Status Migrate(std::string_view schema, std::span<const Migration> migrations) override {
    HOEGO_TRY(CheckNumbering(schema, migrations));
    return writer_.Alone([&](SqliteConnection& connection) {
      HOEGO_TRY(connection.Script(kVersionsTable));
      HOEGO_TRY_ASSIGN(const int64_t now, VersionOf(connection, schema));
      const auto newest = static_cast<int64_t>(migrations.size());
      if (now > newest) {
        return Status::FailedPrecondition(
            fmt::format("schema {} is at version {}, the newest this program knows is {}: it was "
                        "written by a newer one",
                        schema, now, newest));
      }
      for (const Migration& migration : migrations.subspan(static_cast<size_t>(now))) {
        HOEGO_TRY(Step(connection, schema, migration));
      }
      return Status{};
    });
  }

  Status Check() override {
    std::vector<std::string> findings;
    const auto note = [&](std::string text) {
      if (findings.size() < kShownFindings) {
        findings.push_back(std::move(text));
      }
      return Status{};
    };
    const Status read = readers_.With([&](SqliteConnection& connection) {
      HOEGO_TRY(connection.Control("PRAGMA integrity_check(5)", [&](const Row& row) {
        return row.Text(0) == "ok" ? Status{} : note(std::string(row.Text(0)));
      }));
      return connection.Control("PRAGMA foreign_key_check", [&](const Row& row) {
        return note(fmt::format("row {} of {} points to nothing in {}", row.Int(1), row.Text(0),
                                row.Text(2)));
      });
    });
    HOEGO_TRY(read);
    return findings.empty()
               ? Status{}
               : Status::DataLoss(fmt::format("metadata: {}", fmt::join(findings, "; ")));
  }

 private:
  static Result<int64_t> VersionOf(SqliteConnection& connection, std::string_view schema) {
    int64_t version = 0;
    const std::vector<Value> name = {std::string(schema)};
    HOEGO_TRY(connection.Query("SELECT version FROM schema_versions WHERE name = ?", name,
                               [&](const Row& row) {
                                 version = row.Int(0);
                                 return Status{};
                               }));
    return version;
  }

  static Status Step(SqliteConnection& connection, std::string_view schema,
                     const Migration& migration) {
    const std::string what = fmt::format("schema {}: migration {}", schema, migration.version);
    HOEGO_TRY(connection.Script(migration.sql).Within(what));
    if (!connection.in_transaction()) {
      return Status::Internal(fmt::format("{} ends its own transaction", what));
    }
    const std::vector<Value> row = {std::string(schema), static_cast<int64_t>(migration.version)};
    return connection
        .Execute(
            "INSERT INTO schema_versions (name, version) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET version = excluded.version",
            row)
        .status();
  }

  mutable SqliteReaders readers_;
  SqliteWriter writer_;
};

}  // namespace

Result<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  const std::filesystem::path parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!parent.empty() && !std::filesystem::create_directories(parent, error) && error) {
    return Status::FailedPrecondition(
        fmt::format("metadata {}: make its folder: {}", path, error.message()));
  }
  HOEGO_TRY_ASSIGN(auto writer, SqliteConnection::Open(path, SqliteConnection::Role::kWriter));
  return std::unique_ptr<Database>(std::make_unique<SqliteDatabase>(path, std::move(writer)));
}

}  // namespace hoego::storage
