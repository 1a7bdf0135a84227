#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "storage/blob_store.h"
#include "storage/database.h"

namespace hoego::tracking {

// MLflow's words, limits and ids (lifecycle.md b0, b1): experiment ids are decimal, "0" = Default;
// run ids 32 hex digits.
enum class RunStatus { kRunning, kScheduled, kFinished, kFailed, kKilled };

struct Experiment {
  std::string id;
  std::string name;
  std::string artifact_location;
  bool deleted = false;
  Time created;
  Time updated;
  std::map<std::string, std::string> tags;
};

struct Metric {
  std::string key;
  double value = 0;  // may be NaN or infinite
  Time time;
  int64_t step = 0;
};

struct Run {
  std::string id;
  std::string name;
  std::string experiment_id;
  std::string user;
  RunStatus status = RunStatus::kRunning;
  Time start;
  std::optional<Time> end;
  bool deleted = false;
  std::map<std::string, std::string> params;
  std::map<std::string, std::string> tags;
  std::vector<Metric> latest;  // per key, greatest (step, time, value)
};

struct Artifact {
  std::string path;    // "model/manifest.json"
  std::string digest;  // in the blob store
  uint64_t bytes = 0;
};

struct NewRun {
  std::string experiment_id = "0";
  std::string name;
  std::string user;
  std::map<std::string, std::string> tags;
};

// Everything of one log-batch; all or nothing.
struct Batch {
  std::vector<Metric> metrics;  // ≤ 1000
  std::vector<std::pair<std::string, std::string>>
      params;  // ≤ 100; immutable: the same value again is fine
  std::vector<std::pair<std::string, std::string>> tags;  // ≤ 100; the last wins
};

// Experiments, runs and what they logged. First-hand in Database; artifacts' bytes in the
// BlobStore. Threads: every method from any thread.
class Tracking {
 public:
  static Result<std::unique_ptr<Tracking>> Open(storage::Database& database,
                                                storage::BlobStore& blobs, const Clock& clock);
  virtual ~Tracking() = default;

  virtual Result<Experiment> CreateExperiment(
      std::string_view name) = 0;  // AlreadyExists for a taken name
  virtual Result<Experiment> GetOrCreateExperiment(std::string_view name) = 0;
  virtual Result<Experiment> GetExperiment(std::string_view id) const = 0;
  virtual Result<std::vector<Experiment>> ListExperiments() const = 0;
  virtual Result<Run> CreateRun(const NewRun& run) = 0;
  virtual Result<Run> GetRun(std::string_view id) const = 0;
  virtual Result<std::vector<Run>> ListRuns(std::string_view experiment_id, size_t most,
                                            size_t offset) const = 0;  // newest first
  virtual Status EndRun(std::string_view id, RunStatus status) = 0;
  virtual Status Log(std::string_view run_id, const Batch& batch) = 0;
  virtual Result<std::vector<Metric>> History(std::string_view run_id, std::string_view key,
                                              size_t most,
                                              size_t offset) const = 0;  // by (step, time)
  virtual Status LogArtifactFile(std::string_view run_id, std::string_view path,
                                 const std::string& file) = 0;
  virtual Status LogArtifactBytes(std::string_view run_id, std::string_view path,
                                  std::string_view bytes) = 0;
  virtual Result<std::vector<Artifact>> ListArtifacts(std::string_view run_id,
                                                      std::string_view prefix) const = 0;
  // Writes the artifacts under `prefix` as files into `folder`, digests checked.
  virtual Status FetchArtifacts(std::string_view run_id, std::string_view prefix,
                                const std::string& folder) const = 0;
};

std::string_view RunStatusName(RunStatus status);  // "RUNNING", …

}  // namespace hoego::tracking
