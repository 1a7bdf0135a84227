#pragma once

// The fixture of the suites that every Database must pass: database_contract.h,
// database_load_contract.h and database_migration_contract.h. An implementation's test says how to
// open one in a folder:
//   struct Sqlite { static Result<std::unique_ptr<Database>> Open(const std::string& folder); };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, DatabaseContract, ::testing::Types<Sqlite>);
//   (and the same for DatabaseLoadContract and DatabaseMigrationContract)
// Statements here are in the dialect that all of them share (database.h).

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/database.h"
#include "storage/temp_folder.h"

namespace hoego::storage {

inline constexpr std::array<Migration, 1> kContractSchema = {
    Migration{1,
              "CREATE TABLE parent (id BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, "
              "size BIGINT CHECK (size >= 0));"
              "CREATE TABLE child (parent BIGINT NOT NULL REFERENCES parent (id), real DOUBLE "
              "PRECISION, words TEXT);"}};

template <class Factory>
class DatabaseFixture : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    database_.reset();
    auto opened = Factory::Open(folder_.path());
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    database_ = std::move(opened).value();
    const Status migrated = database_->Migrate("contract", kContractSchema);
    ASSERT_TRUE(migrated.ok()) << migrated.ToString();
  }

  static Status AddParent(Transaction& t, int64_t id, const std::string& name,
                          std::optional<int64_t> size = {}) {
    const std::vector<Value> row = {id, name, size ? Value(*size) : Value()};
    return t.Execute("INSERT INTO parent (id, name, size) VALUES (?, ?, ?)", row).status();
  }
  Status Add(int64_t id, const std::string& name, std::optional<int64_t> size = {}) {
    return database_->Write([&](Transaction& t) { return AddParent(t, id, name, size); });
  }
  Status Run(std::string_view sql, std::vector<Value> values = {}) {
    return database_->Write([&](Transaction& t) { return t.Execute(sql, values).status(); });
  }
  int64_t Number(std::string_view sql, std::vector<Value> values = {}) {
    int64_t number = -1;
    const Status status = database_->Query(sql, values, [&](const Row& row) {
      number = row.Int(0);
      return Status{};
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return number;
  }
  int64_t Parents() { return Number("SELECT count(*) FROM parent"); }

  TempFolder folder_;
  std::unique_ptr<Database> database_;
};

}  // namespace hoego::storage
