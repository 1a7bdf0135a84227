#include "tracking/internal/schema.h"

#include <array>

#include "tracking/internal/sql.h"

namespace hoego::tracking::internal {
namespace {

constexpr std::string_view kVersion1 = R"sql(
CREATE TABLE numbers (name TEXT NOT NULL PRIMARY KEY, last BIGINT NOT NULL) WITHOUT ROWID;
INSERT INTO numbers (name, last) VALUES ('experiment', 0), ('run', 0), ('series', 0), ('dataset', 0), ('input', 0);

CREATE TABLE experiments (
  no BIGINT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  artifact_location TEXT NOT NULL,
  deleted BIGINT NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1)),
  created_ms BIGINT NOT NULL,
  updated_ms BIGINT NOT NULL
) WITHOUT ROWID;

CREATE TABLE experiment_tags (
  experiment BIGINT NOT NULL REFERENCES experiments (no),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment, key)
) WITHOUT ROWID;

CREATE TABLE runs (
  no BIGINT NOT NULL PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,
  experiment BIGINT NOT NULL REFERENCES experiments (no),
  name TEXT NOT NULL,
  user_id TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('RUNNING', 'SCHEDULED', 'FINISHED', 'FAILED', 'KILLED')),
  start_ms BIGINT NOT NULL,
  end_ms BIGINT,
  deleted BIGINT NOT NULL DEFAULT 0 CHECK (deleted IN (0, 1))
) WITHOUT ROWID;
CREATE INDEX runs_of_experiment ON runs (experiment, start_ms DESC, run_id);
CREATE INDEX runs_by_start ON runs (start_ms DESC, run_id);

CREATE TABLE params (
  run BIGINT NOT NULL REFERENCES runs (no),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE tags (
  run BIGINT NOT NULL REFERENCES runs (no),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)
) WITHOUT ROWID;

CREATE TABLE latest_metrics (
  series BIGINT NOT NULL PRIMARY KEY,
  run BIGINT NOT NULL REFERENCES runs (no),
  key TEXT NOT NULL,
  step BIGINT NOT NULL,
  time_ms BIGINT NOT NULL,
  value_order BIGINT NOT NULL,
  value DOUBLE PRECISION,
  UNIQUE (run, key)
) WITHOUT ROWID;

CREATE TABLE metrics (
  series BIGINT NOT NULL REFERENCES latest_metrics (series),
  step BIGINT NOT NULL,
  time_ms BIGINT NOT NULL,
  value_order BIGINT NOT NULL,
  value DOUBLE PRECISION,
  PRIMARY KEY (series, step, time_ms, value_order)
) WITHOUT ROWID;

CREATE TABLE artifacts (
  run BIGINT NOT NULL REFERENCES runs (no),
  path TEXT NOT NULL,
  digest TEXT NOT NULL,
  bytes BIGINT NOT NULL CHECK (bytes >= 0),
  created_ms BIGINT NOT NULL,
  PRIMARY KEY (run, path)
) WITHOUT ROWID;

CREATE TABLE datasets (
  no BIGINT NOT NULL PRIMARY KEY,
  experiment BIGINT NOT NULL REFERENCES experiments (no),
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  schema_json TEXT,
  profile_json TEXT,
  UNIQUE (experiment, name, digest)
) WITHOUT ROWID;

CREATE TABLE inputs (
  no BIGINT NOT NULL PRIMARY KEY,
  run BIGINT NOT NULL REFERENCES runs (no),
  dataset BIGINT NOT NULL REFERENCES datasets (no),
  context TEXT NOT NULL DEFAULT '',
  UNIQUE (run, dataset, context)
) WITHOUT ROWID;
CREATE INDEX inputs_of_dataset ON inputs (dataset);

CREATE TABLE input_tags (
  input BIGINT NOT NULL REFERENCES inputs (no),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (input, key)
) WITHOUT ROWID;
)sql";

constexpr std::array<storage::Migration, 1> kMigrations = {storage::Migration{1, kVersion1}};

}  // namespace

std::span<const storage::Migration> Migrations() {
  return kMigrations;
}

Result<int64_t> NextNumber(storage::Transaction& transaction, std::string_view sequence) {
  HOEGO_TRY_ASSIGN(
      const auto number,
      FindInt(transaction, "UPDATE numbers SET last = last + 1 WHERE name = ? RETURNING last",
              Values(sequence)));
  return number ? Result<int64_t>(*number)
                : Result<int64_t>(
                      Status::DataLoss(fmt::format("metadata: no sequence \"{}\"", sequence)));
}

}  // namespace hoego::tracking::internal
