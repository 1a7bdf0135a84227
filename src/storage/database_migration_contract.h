#pragma once

// What every Database promises about schemas and their versions.

#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>

#include "storage/database_fixture.h"

namespace hoego::storage {

template <class Factory>
class DatabaseMigrationContract : public DatabaseFixture<Factory> {};

TYPED_TEST_SUITE_P(DatabaseMigrationContract);

TYPED_TEST_P(DatabaseMigrationContract, MigratesForwardOnceAndEachSchemaByItself) {
  const std::array<Migration, 2> two = {Migration{1,
                                                  "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY "
                                                  "KEY); INSERT INTO notes (id) VALUES (1);"},
                                        Migration{2, "INSERT INTO notes (id) VALUES (2)"}};
  ASSERT_TRUE(this->database_->Migrate("notes", std::span(two).first(1)).ok());
  EXPECT_EQ(this->Number("SELECT count(*) FROM notes"), 1);
  ASSERT_TRUE(this->database_->Migrate("notes", two).ok());
  ASSERT_TRUE(this->database_->Migrate("notes", two).ok());
  EXPECT_EQ(this->Number("SELECT count(*) FROM notes"), 2);
  EXPECT_EQ(
      this->Number("SELECT version FROM schema_versions WHERE name = ?", {std::string("notes")}),
      2);
  EXPECT_EQ(
      this->Number("SELECT version FROM schema_versions WHERE name = ?", {std::string("contract")}),
      1);
}

TYPED_TEST_P(DatabaseMigrationContract, RefusesASchemaFromTheFutureByName) {
  const std::array<Migration, 2> two = {Migration{1, "CREATE TABLE notes (id BIGINT)"},
                                        Migration{2, "DELETE FROM notes"}};
  ASSERT_TRUE(this->database_->Migrate("notes", two).ok());
  const Status status = this->database_->Migrate("notes", std::span(two).first(1));
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("notes is at version 2"), std::string_view::npos)
      << status.ToString();
}

TYPED_TEST_P(DatabaseMigrationContract, LeavesNothingOfAFailedMigration) {
  const std::array<Migration, 2> broken = {
      Migration{1, "CREATE TABLE notes (id BIGINT)"},
      Migration{2, "INSERT INTO notes (id) VALUES (1); INSERT INTO nowhere VALUES (1)"}};
  const Status status = this->database_->Migrate("notes", broken);
  EXPECT_FALSE(status.ok());
  EXPECT_NE(status.message().find("notes: migration 2"), std::string_view::npos)
      << status.ToString();
  EXPECT_EQ(
      this->Number("SELECT count(*) FROM schema_versions WHERE name = ?", {std::string("notes")}),
      0);
  const std::array<Migration, 1> whole = {Migration{1, "CREATE TABLE notes (id BIGINT)"}};
  EXPECT_TRUE(this->database_->Migrate("notes", whole).ok());
  const std::array<Migration, 1> misnumbered = {Migration{2, "CREATE TABLE other (id BIGINT)"}};
  EXPECT_EQ(this->database_->Migrate("other", misnumbered).code(), Code::kInvalidArgument);
}

REGISTER_TYPED_TEST_SUITE_P(DatabaseMigrationContract, MigratesForwardOnceAndEachSchemaByItself,
                            RefusesASchemaFromTheFutureByName, LeavesNothingOfAFailedMigration);

}  // namespace hoego::storage
