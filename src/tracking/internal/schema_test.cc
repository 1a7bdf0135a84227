#include "tracking/internal/schema.h"

#include <gtest/gtest.h>

#include <string>

#include "base/crypto.h"
#include "storage/temp_folder.h"

namespace hoego::tracking::internal {
namespace {

// Files in the world were made by these words. A change of the schema is a new migration, never
// another digest here.
TEST(SchemaTest, AReleasedMigrationNeverChanges) {
  const auto migrations = Migrations();
  ASSERT_EQ(migrations.size(), 1u);
  EXPECT_EQ(ToHex(Sha256(migrations[0].sql)),
            "87122528aeb3620332ed6434dd6b3651940e015b28411eb4eb1f36e7cb34682b");
}

// What MLflow's clients send beyond what Tracking writes today has its place: lifecycle fields of
// datasets and inputs.
TEST(SchemaTest, HoldsDatasetsAndInputsOnce) {
  const storage::TempFolder folder;
  auto database = storage::OpenSqlite(folder / "meta.db");
  ASSERT_TRUE(database.ok());
  ASSERT_TRUE((*database)->Migrate("tracking", Migrations()).ok());
  const auto run = [&](std::string_view sql) {
    return (*database)
        ->Write([&](storage::Transaction& t) { return t.Execute(sql, {}).status(); })
        .code();
  };
  EXPECT_EQ(run("INSERT INTO experiments (no, name, artifact_location, created_ms, updated_ms) "
                "VALUES (5, 'e', '', 0, 0)"),
            Code::kOk);
  EXPECT_EQ(run("INSERT INTO runs (no, run_id, experiment, name, user_id, status, start_ms) VALUES "
                "(7, 'r', 5, '', '', 'RUNNING', 0)"),
            Code::kOk);
  EXPECT_EQ(run("INSERT INTO runs (no, run_id, experiment, name, user_id, status, start_ms) VALUES "
                "(8, 's', 5, '', '', 'DONE', 0)"),
            Code::kInvalidArgument);
  const std::string dataset =
      "INSERT INTO datasets (no, experiment, name, digest, source_type, source, schema_json, "
      "profile_json)"
      " VALUES (1, 5, 'ml', 'abc', 'local', '{}', '{}', '{}')";
  EXPECT_EQ(run(dataset), Code::kOk);
  EXPECT_EQ(run(dataset), Code::kAlreadyExists);
  EXPECT_EQ(run("INSERT INTO inputs (no, run, dataset, context) VALUES (1, 7, 1, 'training')"),
            Code::kOk);
  EXPECT_EQ(run("INSERT INTO inputs (no, run, dataset, context) VALUES (2, 7, 1, 'training')"),
            Code::kAlreadyExists);
  EXPECT_EQ(run("INSERT INTO inputs (no, run, dataset, context) VALUES (2, 7, 1, 'eval')"),
            Code::kOk);
  EXPECT_EQ(run("INSERT INTO inputs (no, run, dataset, context) VALUES (3, 7, 9, '')"),
            Code::kFailedPrecondition);
  EXPECT_EQ(run("INSERT INTO input_tags (input, key, value) VALUES (1, 'k', 'v')"), Code::kOk);
  EXPECT_EQ(run("INSERT INTO experiment_tags (experiment, key, value) VALUES (5, 'k', 'v')"),
            Code::kOk);
  EXPECT_EQ(run("INSERT INTO experiment_tags (experiment, key, value) VALUES (6, 'k', 'v')"),
            Code::kFailedPrecondition);
}

}  // namespace
}  // namespace hoego::tracking::internal
