#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"
#include "events/store.h"
#include "models/model.h"
#include "registry/registry.h"
#include "serving/loaded_version.h"
#include "serving/published.h"
#include "serving/version_states.h"

namespace hoego::serving {

namespace internal {
class Unloader;
}  // namespace internal

// Brings a version's files to a local folder. A port of this room, implemented in app/. Called on
// the loader thread only; may take long. The folder must stay readable until the next Fetch.
class ModelFetcher {
 public:
  virtual ~ModelFetcher() = default;
  virtual Result<std::string> Fetch(const registry::ModelVersion& version) = 0;
  // What was fetched is damaged: lets go of the copy. True when another Fetch may bring a sound one.
  virtual bool Discard(const registry::ModelVersion&) { return false; }
};

// Reads the fetched folder: models::LoadModel outside of tests.
using ModelReader =
    std::function<Result<std::shared_ptr<const models::Model>>(const std::string& folder)>;

struct ModelStoreOptions {
  size_t max_loaded =
      8;  // versions in memory at once, 1..1000; larger: faster roll-backs, more memory
  std::chrono::milliseconds keep_idle{
      300'000};  // an unreferenced version stays this long after its last use
  std::chrono::milliseconds first_retry{
      1'000};               // after a failed load; doubles each time, 60 s at most
  int max_retries = 5;      // then only Prepare tries again
  Status Validate() const;  // names the first wrong field and its range
};

// One version as pages and logs show it.
struct VersionStatus {
  std::string model;
  uint32_t version = 0;
  VersionState state = VersionState::kAbsent;
  Status reason;          // why the last load failed; ok when it did not
  uint32_t failures = 0;  // in a row
  bool referenced = false;
  uint64_t resident_bytes = 0;  // from ready to draining
  Time since;                   // of the state
};

// The model versions in memory. A version is loaded and warmed by the loader thread beside those
// that answer, then published in one pointer swap; one that is no longer wanted is taken out of the
// table and leaves when its last reader does, destroyed by the unloader thread. What is wanted is
// decided by Next (version_states.h). A load that fails leaves everything else as it was.
//
// Life: made by app/ after the log and the registry; every LoadedVersion must be let go before the
// destructor can end.
//
// Threads: every method from any thread. Acquire costs two locks held for nanoseconds.
class ModelStore {
 public:
  using Prepared = std::function<void(const Status&)>;

  // Pre: options.Validate() is ok; everything outlives this.
  ModelStore(ModelFetcher& fetcher, ModelReader reader, const events::EventStore& store,
             const Clock& clock, Metrics& metrics, ModelStoreOptions options);
  ~ModelStore();
  ModelStore(const ModelStore&) = delete;
  ModelStore& operator=(const ModelStore&) = delete;

  // The version if it is ready, else null. Hold it for one request, not longer: it keeps the
  // version's memory.
  std::shared_ptr<const LoadedVersion> Acquire(std::string_view model, uint32_t version) const;
  // The ready version of the model that answered last; null when none is ready.
  std::shared_ptr<const LoadedVersion> AcquireLastUsed(std::string_view model) const;

  // A request missed this version: load it soon. Cheap when it is known already; never retries a
  // failure.
  void Ask(const registry::ModelVersion& version);
  // Loads the version, also after a failure, and tells when it is ready or why it is not: call it
  // before an alias moves, and the move is instant. `done` runs on the loader thread (be short), or
  // at once on the caller's.
  void Prepare(const registry::ModelVersion& version, Prepared done);
  // The versions that endpoints and running tests name now; replaces what was said before.
  void SetReferenced(const std::vector<registry::ModelVersion>& versions);

  std::vector<VersionStatus> statuses() const;
  // Looks again at what is to be done; needed only when a clock that is not real has moved.
  void Recheck();

 private:
  struct Entry;
  struct Ready {
    std::string model;
    uint32_t version;
    std::shared_ptr<const LoadedVersion> loaded;
  };
  using Table = std::vector<Ready>;

  void Run() EXCLUDES(mu_);
  void Perform(const Action& action) REQUIRES(mu_);
  void Load(Entry& entry) REQUIRES(mu_);
  void Failed(Entry& entry, Status reason) REQUIRES(mu_);
  void OnDestroyed(const std::string& model, uint32_t version) EXCLUDES(mu_);
  StoreFacts Facts() const REQUIRES(mu_);
  Entry* FindEntry(std::string_view model, uint32_t version) REQUIRES(mu_);
  Entry& FindOrAdd(const registry::ModelVersion& version) REQUIRES(mu_);
  void Move(Entry& entry, VersionState to) REQUIRES(mu_);
  void PublishTable() REQUIRES(mu_);
  void Complete(Entry& entry, const Status& status) REQUIRES(mu_);
  void CountStates() REQUIRES(mu_);

  ModelFetcher& fetcher_;
  const ModelReader reader_;
  const events::EventStore& store_;
  const Clock& clock_;
  Metrics& metrics_;
  const ModelStoreOptions options_;
  Published<Table> table_;

  mutable Mutex mu_;
  CondVar changed_;
  std::vector<std::unique_ptr<Entry>> entries_ GUARDED_BY(mu_);  // oldest first
  bool stopping_ GUARDED_BY(mu_) = false;
  std::unique_ptr<internal::Unloader> unloader_;
  std::jthread loader_;
};

}  // namespace hoego::serving
