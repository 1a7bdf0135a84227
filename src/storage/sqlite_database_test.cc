#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <latch>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "storage/database.h"
#include "storage/database_contract.h"
#include "storage/database_load_contract.h"
#include "storage/database_migration_contract.h"
#include "storage/temp_folder.h"

namespace hoego::storage {
namespace {

struct Sqlite {
  static Result<std::unique_ptr<Database>> Open(const std::string& folder) {
    return OpenSqlite(folder + "/meta.db");
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseContract, ::testing::Types<Sqlite>);
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseLoadContract, ::testing::Types<Sqlite>);
INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseMigrationContract, ::testing::Types<Sqlite>);

constexpr std::array<Migration, 1> kNotes = {
    Migration{1, "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, text TEXT) WITHOUT ROWID"}};

std::unique_ptr<Database> OpenNotes(const std::string& path) {
  auto database = OpenSqlite(path);
  EXPECT_TRUE(database.ok()) << database.status().ToString();
  EXPECT_TRUE((*database)->Migrate("notes", kNotes).ok());
  return std::move(database).value();
}

Status AddNote(Database& database, int64_t id, const std::string& text = "") {
  return database.Write([&](Transaction& t) {
    const std::vector<Value> row = {id, text};
    return t.Execute("INSERT INTO notes (id, text) VALUES (?, ?)", row).status();
  });
}

int64_t CountNotes(const Database& database) {
  int64_t count = -1;
  EXPECT_TRUE(database
                  .Query("SELECT count(*) FROM notes", {},
                         [&](const Row& row) {
                           count = row.Int(0);
                           return Status{};
                         })
                  .ok());
  return count;
}

TEST(SqliteDatabaseTest, MakesTheFoldersOnTheWay) {
  const TempFolder folder;
  EXPECT_TRUE(OpenSqlite(folder / "a/b/meta.db").ok());
  EXPECT_TRUE(std::filesystem::exists(folder / "a/b/meta.db"));
}

TEST(SqliteDatabaseTest, RefusesAFileOfAnotherProgram) {
  const TempFolder folder;
  std::ofstream(folder / "text.db") << std::string(8192, 'x');
  EXPECT_EQ(OpenSqlite(folder / "text.db").status().code(), Code::kDataLoss);

  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "other.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "CREATE TABLE t (x)", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  const Status status = OpenSqlite(folder / "other.db").status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("not one of ours"), std::string_view::npos) << status.ToString();
}

TEST(SqliteDatabaseTest, RefusesAFolderInPlaceOfAFile) {
  const TempFolder folder;
  EXPECT_EQ(OpenSqlite(folder.path()).status().code(), Code::kFailedPrecondition);
  std::ofstream(folder / "file") << "x";
  EXPECT_EQ(OpenSqlite(folder / "file/meta.db").status().code(), Code::kFailedPrecondition);
}

// Someone looks into the file with SQLite's own shell and holds it for a moment: our writer waits,
// nobody is refused.
TEST(SqliteDatabaseTest, WaitsForAnotherHolderOfTheFile) {
  const TempFolder folder;
  const auto database = OpenNotes(folder / "meta.db");
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((folder / "meta.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::latch started(1);
  std::jthread writer([&] {
    started.count_down();
    const Status status = AddNote(*database, 1);
    EXPECT_TRUE(status.ok()) << status.ToString();
  });
  started.wait();
  for (int i = 100; i < 2'000; ++i) {
    const std::string sql = "INSERT INTO notes (id) VALUES (" + std::to_string(i) + ")";
    ASSERT_EQ(sqlite3_exec(other, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  }
  EXPECT_EQ(CountNotes(*database), 0);
  ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
  writer.join();
  sqlite3_close(other);
  EXPECT_EQ(CountNotes(*database), 1'901);
}

TEST(SqliteDatabaseTest, LeavesOneFileBehindWhenClosed) {
  const TempFolder folder;
  {
    const auto database = OpenNotes(folder / "meta.db");
    ASSERT_TRUE(AddNote(*database, 1).ok());
    EXPECT_EQ(CountNotes(*database), 1);
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "meta.db-wal"));
  EXPECT_EQ(CountNotes(*OpenNotes(folder / "meta.db")), 1);
}

TEST(SqliteDatabaseTest, FindsADamagedPage) {
  const TempFolder folder;
  {
    const auto database = OpenNotes(folder / "meta.db");
    ASSERT_TRUE(AddNote(*database, 1, std::string(200'000, 'n')).ok());
    EXPECT_TRUE(database->Check().ok());
  }
  {
    std::fstream file(folder / "meta.db", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(4096 * 10);
    file << std::string(4096, '\x5a');
  }
  auto database = OpenSqlite(folder / "meta.db");
  ASSERT_TRUE(database.ok());
  EXPECT_EQ((*database)->Check().code(), Code::kDataLoss);
}

// More readers than cores, each busy for milliseconds: at every moment somebody holds a place in
// the log, which SQLite by itself would therefore never start again.
TEST(SqliteDatabaseTest, KeepsTheWriteAheadLogShortUnderAnUnbrokenChainOfReaders) {
  const TempFolder folder;
  const auto database = OpenNotes(folder / "meta.db");
  std::atomic<bool> done = false;
  uint64_t largest = 0;
  {
    std::vector<std::jthread> readers;
    for (int r = 0; r < 4; ++r) {
      readers.emplace_back([&] {
        while (!done) {
          EXPECT_TRUE(database
                          ->Query("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                                  "WHERE i < 30000)"
                                  " SELECT (SELECT count(*) FROM notes), count(*) FROM n",
                                  {}, [](const Row&) { return Status{}; })
                          .ok());
        }
      });
    }
    for (int64_t i = 0; i < 100; ++i) {
      ASSERT_TRUE(AddNote(*database, i, std::string(1 << 20, 'n')).ok());
      largest = std::max<uint64_t>(largest, std::filesystem::file_size(folder / "meta.db-wal"));
    }
    done = true;
  }
  EXPECT_LT(largest, 90u << 20);
}

TEST(SqliteDatabaseTest, AnExceptionInAWriteUndoesItAndTheNextOneRuns) {
  const TempFolder folder;
  const auto database = OpenNotes(folder / "meta.db");
  const Status status = database->Write([](Transaction& t) -> Status {
    EXPECT_TRUE(t.Execute("INSERT INTO notes (id) VALUES (1)", {}).ok());
    throw std::bad_alloc();
  });
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_EQ(CountNotes(*database), 0);
  EXPECT_TRUE(AddNote(*database, 1).ok());
}

TEST(SqliteDatabaseDeathTest, AWriteInsideAWriteIsABug) {
  const TempFolder folder;
  const auto database = OpenNotes(folder / "meta.db");
  EXPECT_DEATH((void)database->Write([&](Transaction&) { return AddNote(*database, 1); }),
               "holder_");
}

}  // namespace
}  // namespace hoego::storage
