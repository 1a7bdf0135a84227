#include <array>
#include <filesystem>
#include <utility>

#include "base/crypto.h"
#include "base/disk.h"
#include "base/text.h"
#include "base/uuid.h"
#include "storage/path_rules.h"
#include "tracking/internal/metric_value.h"
#include "tracking/internal/run_names.h"
#include "tracking/internal/run_reader.h"
#include "tracking/internal/run_states.h"
#include "tracking/internal/run_writer.h"
#include "tracking/internal/schema.h"
#include "tracking/internal/sql.h"
#include "tracking/limits.h"
#include "tracking/tracking.h"

namespace hoego::tracking {
namespace {

using internal::ActiveRun;
using internal::FindInt;
using internal::Values;
using storage::Row;
using storage::Transaction;

std::string ArtifactLocation(int64_t experiment) {
  return fmt::format("mlflow-artifacts:/{}", experiment);
}

// Experiment ids are decimal numbers written in the one usual way.
Result<int64_t> ExperimentNumber(std::string_view id) {
  const auto number = ParseInt(id);
  if (!number || *number < 0 || std::to_string(*number) != id) {
    return Status::NotFound(fmt::format("no experiment with id \"{}\"", id.substr(0, 32)));
  }
  return *number;
}

std::string NewRunId(Time now) {
  const Uuid id = NewUuid(now);
  return ToHex(id.bytes);
}

std::string LastComponent(std::string_view path) {
  return std::string(path.substr(path.rfind('/') + 1));
}

class SqlTracking final : public Tracking {
 public:
  SqlTracking(storage::Database& database, storage::BlobStore& blobs, const Clock& clock)
      : database_(database), blobs_(blobs), clock_(clock) {}

  Status Prepare() {
    HOEGO_TRY(database_.Migrate("tracking", internal::Migrations()));
    const int64_t now = ToUnixMillis(clock_.Now());
    return database_.Write([&](Transaction& t) {
      return t
          .Execute(
              "INSERT INTO experiments (no, name, artifact_location, created_ms, updated_ms)"
              " VALUES (0, 'Default', ?, ?, ?) ON CONFLICT DO NOTHING",
              Values(ArtifactLocation(0), now, now))
          .status();
    });
  }

  Result<Experiment> CreateExperiment(std::string_view name) override {
    return MakeExperiment(name, false);
  }
  Result<Experiment> GetOrCreateExperiment(std::string_view name) override {
    return MakeExperiment(name, true);
  }

  Result<Experiment> GetExperiment(std::string_view id) const override {
    HOEGO_TRY_ASSIGN(const int64_t number, ExperimentNumber(id));
    HOEGO_TRY_ASSIGN(std::vector<Experiment> found,
                     ReadExperiments("WHERE e.no = ?", Values(number)));
    if (found.empty()) {
      return Status::NotFound(fmt::format("no experiment with id \"{}\"", id));
    }
    return std::move(found.front());
  }

  Result<std::vector<Experiment>> ListExperiments() const override {
    return ReadExperiments("", {});
  }

  Result<Run> CreateRun(const NewRun& wanted) override {
    HOEGO_TRY(CheckNewRun(wanted));
    HOEGO_TRY_ASSIGN(const int64_t experiment, ExperimentNumber(wanted.experiment_id));
    const Time now = clock_.Now();
    const std::string id = NewRunId(now);
    HOEGO_TRY_ASSIGN(const std::string name, NameOf(wanted, id));
    const Status written = database_.Write([&](Transaction& t) {
      HOEGO_TRY(CheckActiveExperiment(t, experiment));
      HOEGO_TRY_ASSIGN(const int64_t number, internal::NextNumber(t, "run"));
      HOEGO_TRY(
          t.Execute("INSERT INTO runs (no, run_id, experiment, name, user_id, status, start_ms)"
                    " VALUES (?, ?, ?, ?, ?, 'RUNNING', ?)",
                    Values(number, id, experiment, name, wanted.user, ToUnixMillis(now)))
              .status());
      for (const auto& [key, value] : wanted.tags) {
        HOEGO_TRY(internal::WriteTag(t, number, key, value));
      }
      return internal::WriteTag(t, number, internal::kRunNameTag, name);
    });
    HOEGO_TRY(written);
    return GetRun(id);
  }

  Result<Run> GetRun(std::string_view id) const override {
    return internal::ReadRun(database_, id);
  }

  Result<std::vector<Run>> ListRuns(std::string_view experiment_id, size_t most,
                                    size_t offset) const override {
    if (most > kMaxRunPage) {
      return Status::InvalidArgument(
          fmt::format("{} runs a page, expected at most {}", most, kMaxRunPage));
    }
    int64_t number = -1;
    if (!experiment_id.empty()) {
      HOEGO_TRY_ASSIGN(number, ExperimentNumber(experiment_id));
      HOEGO_TRY_ASSIGN(
          const auto found,
          FindInt(database_, "SELECT no FROM experiments WHERE no = ?", Values(number)));
      if (!found) {
        return Status::NotFound(fmt::format("no experiment with id \"{}\"", experiment_id));
      }
    }
    return internal::ReadRuns(database_, number, most, offset);
  }

  Status EndRun(std::string_view id, RunStatus status) override {
    const int64_t now = ToUnixMillis(clock_.Now());
    return database_.Write([&](Transaction& t) {
      HOEGO_TRY_ASSIGN(const int64_t run, ActiveRun(t, id));
      HOEGO_TRY_ASSIGN(const RunStatus before, StatusOf(t, run));
      if (!internal::CanMove(before, status)) {
        return Status::FailedPrecondition(fmt::format(
            "run {} is {}, it cannot become {}", id, RunStatusName(before), RunStatusName(status)));
      }
      if (before == status) {
        return Status{};  // a retry: the first time stands
      }
      const storage::Value end = internal::IsEnd(status) ? storage::Value(now) : storage::Value();
      return t
          .Execute("UPDATE runs SET status = ?, end_ms = ? WHERE no = ?",
                   Values(RunStatusName(status), end, run))
          .status();
    });
  }

  Status Log(std::string_view run_id, const Batch& batch) override {
    HOEGO_TRY(CheckBatch(batch));
    return database_.Write([&](Transaction& t) {
      HOEGO_TRY_ASSIGN(const int64_t run, ActiveRun(t, run_id));
      HOEGO_TRY(internal::WriteParams(t, run, batch));
      HOEGO_TRY(internal::WriteTags(t, run, batch));
      return internal::WriteMetrics(t, run, batch);
    });
  }

  Result<std::vector<Metric>> History(std::string_view run_id, std::string_view key, size_t most,
                                      size_t offset) const override {
    if (most > kMaxHistoryPage) {
      return Status::InvalidArgument(
          fmt::format("{} points a page, expected at most {}", most, kMaxHistoryPage));
    }
    HOEGO_TRY_ASSIGN(const int64_t run, RunNumber(run_id));
    std::vector<Metric> points;
    HOEGO_TRY(database_.Query(
        "SELECT metrics.step, metrics.time_ms, metrics.value_order"
        " FROM latest_metrics JOIN metrics ON metrics.series = latest_metrics.series"
        " WHERE run = ? AND key = ?"
        " ORDER BY metrics.step, metrics.time_ms, metrics.value_order LIMIT ? OFFSET ?",
        Values(run, key, most, offset), [&](const Row& row) {
          points.push_back({std::string(key), internal::ValueOf(row.Int(2)),
                            FromUnixMillis(row.Int(1)), row.Int(0)});
          return Status{};
        }));
    return points;
  }

  Status LogArtifactFile(std::string_view run_id, std::string_view path,
                         const std::string& file) override {
    HOEGO_TRY(storage::CheckRelativePath(path));
    HOEGO_TRY(RunNumber(run_id).status());  // before the bytes are copied
    std::error_code error;
    const uint64_t bytes = std::filesystem::file_size(file, error);
    if (error) {
      return Status::NotFound(fmt::format("artifact file {}: {}", file, error.message()));
    }
    HOEGO_TRY_ASSIGN(const std::string digest, blobs_.PutFile(file));
    return KeepArtifact(run_id, {std::string(path), digest, bytes});
  }

  Status LogArtifactBytes(std::string_view run_id, std::string_view path,
                          std::string_view bytes) override {
    HOEGO_TRY(storage::CheckRelativePath(path));
    HOEGO_TRY(RunNumber(run_id).status());
    HOEGO_TRY_ASSIGN(const std::string digest, blobs_.Put(bytes));
    return KeepArtifact(run_id, {std::string(path), digest, bytes.size()});
  }

  Result<std::vector<Artifact>> ListArtifacts(std::string_view run_id,
                                              std::string_view prefix) const override {
    if (prefix.ends_with('/')) {
      prefix.remove_suffix(1);
    }
    if (!prefix.empty()) {
      HOEGO_TRY(storage::CheckRelativePath(prefix));
    }
    HOEGO_TRY_ASSIGN(const int64_t run, RunNumber(run_id));
    const std::string below = prefix.empty() ? "" : fmt::format("{}/", prefix);
    std::vector<Artifact> found;
    HOEGO_TRY(
        database_.Query("SELECT path, digest, bytes FROM artifacts WHERE run = ?"
                        " AND (path = ? OR substr(path, 1, length(?)) = ?) ORDER BY path",
                        Values(run, prefix, below, below), [&](const Row& row) {
                          found.push_back({std::string(row.Text(0)), std::string(row.Text(1)),
                                           static_cast<uint64_t>(row.Int(2))});
                          return Status{};
                        }));
    return found;
  }

  Status FetchArtifacts(std::string_view run_id, std::string_view prefix,
                        const std::string& folder) const override {
    if (prefix.ends_with('/')) {
      prefix.remove_suffix(1);
    }
    HOEGO_TRY_ASSIGN(const std::vector<Artifact> artifacts, ListArtifacts(run_id, prefix));
    if (artifacts.empty()) {
      return Status::NotFound(fmt::format("run {} has no artifacts at \"{}\"", run_id, prefix));
    }
    for (const Artifact& artifact : artifacts) {
      const bool itself = artifact.path == prefix;
      const std::string below = itself           ? LastComponent(prefix)
                                : prefix.empty() ? artifact.path
                                                 : artifact.path.substr(prefix.size() + 1);
      const std::string target = JoinPath(folder, below);
      HOEGO_TRY(RealDisk().MakeFolder(std::filesystem::path(target).parent_path().string()));
      HOEGO_TRY(blobs_.GetToFile(artifact.digest, target)
                    .Within(fmt::format("artifact {}", artifact.path)));
    }
    return {};
  }

 private:
  Result<Experiment> MakeExperiment(std::string_view name, bool found_is_fine) {
    HOEGO_TRY(CheckExperimentName(name));
    const int64_t now = ToUnixMillis(clock_.Now());
    int64_t number = -1;
    const Status written = database_.Write([&](Transaction& t) {
      HOEGO_TRY_ASSIGN(const auto found,
                       FindInt(t, "SELECT no FROM experiments WHERE name = ?", Values(name)));
      if (found && !found_is_fine) {
        return Status::AlreadyExists(fmt::format("there is an experiment \"{}\" already", name));
      }
      if (found) {
        number = *found;
        return Status{};
      }
      HOEGO_TRY_ASSIGN(number, internal::NextNumber(t, "experiment"));
      return t
          .Execute(
              "INSERT INTO experiments (no, name, artifact_location, created_ms, updated_ms) "
              "VALUES (?, ?, ?, ?, ?)",
              Values(number, name, ArtifactLocation(number), now, now))
          .status();
    });
    HOEGO_TRY(written);
    return GetExperiment(std::to_string(number));
  }

  // Experiments in the order of their ids, with their tags, in one statement.
  Result<std::vector<Experiment>> ReadExperiments(
      std::string_view where, std::span<const storage::Value> parameters) const {
    std::vector<Experiment> found;
    HOEGO_TRY(database_.Query(fmt::format("SELECT e.no, e.name, e.artifact_location, e.deleted, "
                                          "e.created_ms, e.updated_ms, t.key, t.value"
                                          " FROM experiments e LEFT JOIN experiment_tags t ON "
                                          "t.experiment = e.no {} ORDER BY e.no",
                                          where),
                              parameters, [&](const Row& row) {
                                const std::string id = std::to_string(row.Int(0));
                                if (found.empty() || found.back().id != id) {
                                  found.push_back({id,
                                                   std::string(row.Text(1)),
                                                   std::string(row.Text(2)),
                                                   row.Int(3) != 0,
                                                   FromUnixMillis(row.Int(4)),
                                                   FromUnixMillis(row.Int(5)),
                                                   {}});
                                }
                                if (!row.IsNull(6)) {
                                  found.back().tags.emplace(row.Text(6), row.Text(7));
                                }
                                return Status{};
                              }));
    return found;
  }

  static Status CheckActiveExperiment(Transaction& t, int64_t experiment) {
    HOEGO_TRY_ASSIGN(const auto deleted, FindInt(t, "SELECT deleted FROM experiments WHERE no = ?",
                                                 Values(experiment)));
    if (!deleted) {
      return Status::NotFound(fmt::format("no experiment with id \"{}\"", experiment));
    }
    return *deleted == 0 ? Status{}
                         : Status::FailedPrecondition(fmt::format(
                               "experiment {} is deleted, expected an active one", experiment));
  }

  // A run's name stands in its tag mlflow.runName, too; the two are one.
  static Result<std::string> NameOf(const NewRun& wanted, const std::string& id) {
    const auto tag = wanted.tags.find(std::string(internal::kRunNameTag));
    if (tag == wanted.tags.end()) {
      return wanted.name.empty() ? internal::InventRunName(id) : wanted.name;
    }
    if (!wanted.name.empty() && wanted.name != tag->second) {
      return Status::InvalidArgument(
          "run name and tag mlflow.runName differ, expected one of them or the same text");
    }
    return tag->second;
  }

  static Result<RunStatus> StatusOf(Transaction& t, int64_t run) {
    std::optional<RunStatus> status;
    HOEGO_TRY(t.Query("SELECT status FROM runs WHERE no = ?", Values(run), [&](const Row& row) {
      status = internal::ParseRunStatus(row.Text(0));
      return Status{};
    }));
    return status ? Result<RunStatus>(*status)
                  : Result<RunStatus>(Status::DataLoss("metadata: unknown run status"));
  }

  Result<int64_t> RunNumber(std::string_view run_id) const {
    HOEGO_TRY_ASSIGN(const auto number,
                     FindInt(database_, "SELECT no FROM runs WHERE run_id = ?", Values(run_id)));
    return number ? Result<int64_t>(*number)
                  : Result<int64_t>(
                        Status::NotFound(fmt::format("no run with id {}", run_id.substr(0, 64))));
  }

  // The bytes are in the blob store by now: a crash in between leaves a blob that nothing names,
  // never a name without bytes.
  Status KeepArtifact(std::string_view run_id, const Artifact& artifact) {
    const int64_t now = ToUnixMillis(clock_.Now());
    return database_.Write([&](Transaction& t) {
      HOEGO_TRY_ASSIGN(const int64_t run, ActiveRun(t, run_id));
      HOEGO_TRY(CheckPlace(t, run, artifact.path));
      return t
          .Execute(
              "INSERT INTO artifacts (run, path, digest, bytes, created_ms) VALUES (?, ?, ?, ?, ?)"
              " ON CONFLICT (run, path) DO UPDATE"
              " SET digest = excluded.digest, bytes = excluded.bytes, created_ms = "
              "excluded.created_ms",
              Values(run, artifact.path, artifact.digest, artifact.bytes, now))
          .status();
    });
  }

  // A path is a file or a folder, as on a disk.
  static Status CheckPlace(Transaction& t, int64_t run, const std::string& path) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      HOEGO_TRY_ASSIGN(const auto file,
                       FindInt(t, "SELECT bytes FROM artifacts WHERE run = ? AND path = ?",
                               Values(run, path.substr(0, slash))));
      if (file) {
        return Status::FailedPrecondition(
            fmt::format("artifact {}: {} is a file", path, path.substr(0, slash)));
      }
    }
    const std::string below = path + "/";
    HOEGO_TRY_ASSIGN(const auto inside,
                     FindInt(t,
                             "SELECT bytes FROM artifacts WHERE run = ? AND path > ? AND "
                             "substr(path, 1, length(?)) = ? LIMIT 1",
                             Values(run, below, below, below)));
    return inside ? Status::FailedPrecondition(fmt::format("artifact {} is a folder", path))
                  : Status{};
  }

  storage::Database& database_;
  storage::BlobStore& blobs_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<Tracking>> Tracking::Open(storage::Database& database,
                                                 storage::BlobStore& blobs, const Clock& clock) {
  auto tracking = std::make_unique<SqlTracking>(database, blobs, clock);
  HOEGO_TRY(tracking->Prepare().Within("open tracking"));
  return std::unique_ptr<Tracking>(std::move(tracking));
}

}  // namespace hoego::tracking
