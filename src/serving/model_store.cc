#include "serving/model_store.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "serving/internal/load_version.h"
#include "serving/internal/unloader.h"

namespace hoego::serving {
namespace {

using std::chrono::nanoseconds;

constexpr size_t kMaxRemembered = 64;
constexpr size_t kMaxWaiting = 1024;
constexpr std::chrono::seconds kLongestRetry{60};
constexpr std::chrono::seconds kAskAgain{1};  // after a refusal for want of room

std::string NameOf(const registry::ModelVersion& v) {
  return fmt::format("{}/{}", v.model, v.version);
}

// A load that may go well another time. What the model itself is cannot change.
bool Transient(Code code) {
  return code == Code::kUnavailable || code == Code::kDeadlineExceeded ||
         code == Code::kResourceExhausted || code == Code::kInternal || code == Code::kUnknown ||
         code == Code::kNotFound;
}

}  // namespace

Status ModelStoreOptions::Validate() const {
  if (max_loaded < 1 || max_loaded > 1000) {
    return Status::InvalidArgument(
        fmt::format("serving.max_loaded: expected 1..1000, got {}", max_loaded));
  }
  if (keep_idle.count() < 0) {
    return Status::InvalidArgument(
        fmt::format("serving.keep_idle: expected at least 0, got {} ms", keep_idle.count()));
  }
  if (first_retry.count() < 1) {
    return Status::InvalidArgument(
        fmt::format("serving.first_retry: expected at least 1 ms, got {}", first_retry.count()));
  }
  if (max_retries < 0 || max_retries > 100) {
    return Status::InvalidArgument(
        fmt::format("serving.max_retries: expected 0..100, got {}", max_retries));
  }
  return {};
}

struct ModelStore::Entry {
  registry::ModelVersion version;
  VersionState state = VersionState::kAbsent;
  bool referenced = false;
  bool asked = false;
  std::optional<nanoseconds> retry_at;          // of a failed load
  nanoseconds ask_after{0};                     // a refused Ask is not heard before
  std::shared_ptr<const LoadedVersion> loaded;  // while ready
  uint64_t resident_bytes = 0;
  Status reason;
  uint32_t failures = 0;
  Time since;
  std::vector<Prepared> waiting;
};

ModelStore::ModelStore(ModelFetcher& fetcher, ModelReader reader, const events::EventStore& store,
                       const Clock& clock, Metrics& metrics, ModelStoreOptions options)
    : fetcher_(fetcher),
      reader_(std::move(reader)),
      store_(store),
      clock_(clock),
      metrics_(metrics),
      options_(options),
      table_(std::make_shared<const Table>()) {
  HOEGO_CHECK(options.Validate().ok());
  unloader_ = std::make_unique<internal::Unloader>(
      [this](const std::string& model, uint32_t version) { OnDestroyed(model, version); });
  loader_ = std::jthread([this] { Run(); });
}

ModelStore::~ModelStore() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  loader_.join();
  table_.Publish(std::make_shared<const Table>());
  std::vector<std::shared_ptr<const LoadedVersion>> leaving;
  std::vector<std::pair<Prepared, Status>> told;
  {
    MutexLock lock(mu_);
    for (const auto& entry : entries_) {
      leaving.push_back(std::move(entry->loaded));
      for (Prepared& done : entry->waiting) {
        told.emplace_back(std::move(done), Status::Cancelled("the server is stopping"));
      }
      entry->waiting.clear();
    }
  }
  for (const auto& [done, status] : told) {
    done(status);
  }
  leaving.clear();
  unloader_.reset();  // waits for the last reader
}

std::shared_ptr<const LoadedVersion> ModelStore::Acquire(std::string_view model,
                                                         uint32_t version) const {
  const auto table = table_.get();
  for (const Ready& ready : *table) {
    if (ready.version == version && ready.model == model) {
      ready.loaded->last_used_ns.store(clock_.Monotonic().count(), std::memory_order_relaxed);
      return ready.loaded;
    }
  }
  return nullptr;
}

std::shared_ptr<const LoadedVersion> ModelStore::AcquireLastUsed(std::string_view model) const {
  const auto table = table_.get();
  const Ready* best = nullptr;
  int64_t best_used = 0;
  for (const Ready& ready : *table) {
    const int64_t used = ready.loaded->last_used_ns.load(std::memory_order_relaxed);
    if (ready.model == model && (best == nullptr || used > best_used)) {
      best = &ready;
      best_used = used;
    }
  }
  if (best == nullptr) {
    return nullptr;
  }
  best->loaded->last_used_ns.store(clock_.Monotonic().count(), std::memory_order_relaxed);
  return best->loaded;
}

void ModelStore::Ask(const registry::ModelVersion& version) {
  MutexLock lock(mu_);
  Entry& entry = FindOrAdd(version);
  const bool unloaded =
      entry.state == VersionState::kAbsent || entry.state == VersionState::kUnloaded;
  if (unloaded && !entry.asked && clock_.Monotonic() >= entry.ask_after) {
    entry.asked = true;
    changed_.NotifyAll();
  }
}

void ModelStore::Prepare(const registry::ModelVersion& version, Prepared done) {
  Status now;
  {
    MutexLock lock(mu_);
    Entry& entry = FindOrAdd(version);
    if (stopping_) {
      now = Status::Cancelled("the server is stopping");
    } else if (entry.waiting.size() >= kMaxWaiting) {
      now = Status::ResourceExhausted(
          fmt::format("{}: {} callers wait for it already", NameOf(version), kMaxWaiting));
    } else if (entry.state == VersionState::kReady) {
      entry.loaded->last_used_ns.store(clock_.Monotonic().count(), std::memory_order_relaxed);
    } else {
      entry.asked = true;
      entry.waiting.push_back(std::move(done));
      changed_.NotifyAll();
      return;
    }
  }
  done(now);
}

void ModelStore::SetReferenced(const std::vector<registry::ModelVersion>& versions) {
  MutexLock lock(mu_);
  for (const auto& entry : entries_) {
    entry->referenced = false;
  }
  size_t wanted = 0;
  for (const registry::ModelVersion& version : versions) {
    Entry& entry = FindOrAdd(version);
    wanted += entry.referenced ? 0 : 1;
    entry.referenced = true;
  }
  if (wanted > options_.max_loaded) {
    Log(LogLevel::kWarning, "serving",
        "endpoints and tests name more versions than may be loaded: stand-ins answer for some",
        {{"versions", wanted}, {"serving.max_loaded", options_.max_loaded}});
  }
  changed_.NotifyAll();
}

std::vector<VersionStatus> ModelStore::statuses() const {
  MutexLock lock(mu_);
  std::vector<VersionStatus> out;
  for (const auto& entry : entries_) {
    VersionStatus status;
    status.model = entry->version.model;
    status.version = entry->version.version;
    status.state = entry->state;
    status.reason = entry->reason;
    status.failures = entry->failures;
    status.referenced = entry->referenced;
    status.resident_bytes = entry->resident_bytes;
    status.since = entry->since;
    out.push_back(std::move(status));
  }
  return out;
}

void ModelStore::Recheck() {
  MutexLock lock(mu_);
  changed_.NotifyAll();
}

void ModelStore::Run() {
  mu_.Lock();
  while (!stopping_) {
    const StoreFacts facts = Facts();
    if (const auto action = Next(facts)) {
      Perform(*action);
    } else if (const auto wake = NextWake(facts)) {
      changed_.WaitFor(mu_, *wake - facts.now);
    } else {
      changed_.Wait(mu_);
    }
  }
  mu_.Unlock();
}

void ModelStore::Perform(const Action& action) {
  Entry& entry = *entries_[action.version];
  switch (action.kind) {
    case Action::Kind::kLoad:
      Load(entry);
      return;
    case Action::Kind::kDrain: {
      Move(entry, VersionState::kDraining);
      const auto leaving = std::move(entry.loaded);
      entry.loaded = nullptr;
      PublishTable();
      return;  // `leaving` may be the last pointer; its deleter only hands the version to the
               // unloader
    }
    case Action::Kind::kRefuse:
      entry.ask_after = clock_.Monotonic() + kAskAgain;
      Complete(entry, Status::ResourceExhausted(fmt::format(
                          "{}: all {} places for loaded versions are in use by endpoints and tests "
                          "(setting serving.max_loaded)",
                          NameOf(entry.version), options_.max_loaded)));
      return;
    case Action::Kind::kForget:
      entries_.erase(entries_.begin() + static_cast<std::ptrdiff_t>(action.version));
      CountStates();
      return;
  }
}

void ModelStore::Load(Entry& entry) {
  Move(entry, VersionState::kLoading);
  const registry::ModelVersion version = entry.version;  // the entry stays while it is loading
  const auto start = clock_.Monotonic();
  mu_.Unlock();
  auto read = internal::ReadVersion(version, fetcher_, reader_, store_);
  mu_.Lock();
  if (!read.ok()) {
    Failed(entry, read.status());
    return;
  }
  Move(entry, VersionState::kWarming);
  mu_.Unlock();
  const Status warm = internal::WarmUp(**read, clock_);
  if (!warm.ok()) {
    read = warm;  // freed here, before the next load begins
  }
  mu_.Lock();
  if (!warm.ok()) {
    Failed(entry, warm);
    return;
  }
  entry.resident_bytes = (*read)->resident_bytes;
  entry.loaded = unloader_->Share(std::move(*read));
  entry.loaded->last_used_ns.store(clock_.Monotonic().count(), std::memory_order_relaxed);
  entry.failures = 0;
  entry.reason = {};
  entry.retry_at.reset();
  Move(entry, VersionState::kReady);
  PublishTable();
  const auto took = clock_.Monotonic() - start;
  metrics_
      .counter("hoego_model_loads_total", "Loads of model versions by result.", {{"result", "ok"}})
      .Add();
  metrics_.histogram("hoego_model_load_duration_seconds", "From the wish to a ready version.")
      .Observe(took);
  Log(LogLevel::kInfo, "serving", "model version is ready",
      {{"version", NameOf(version)},
       {"ms", std::chrono::duration_cast<std::chrono::milliseconds>(took).count()},
       {"bytes", entry.resident_bytes}});
  Complete(entry, {});
}

void ModelStore::Failed(Entry& entry, Status reason) {
  entry.reason = reason.Within(fmt::format("load {}", NameOf(entry.version)));
  ++entry.failures;
  entry.retry_at.reset();
  if (Transient(reason.code()) && entry.failures <= static_cast<uint32_t>(options_.max_retries)) {
    const auto doubled = options_.first_retry * (int64_t{1} << std::min(entry.failures - 1, 20u));
    entry.retry_at = clock_.Monotonic() + std::min<nanoseconds>(doubled, kLongestRetry);
  }
  Move(entry, VersionState::kFailed);
  metrics_
      .counter("hoego_model_loads_total", "Loads of model versions by result.",
               {{"result", "failed"}})
      .Add();
  Log(LogLevel::kError, "serving", "model version could not be loaded",
      {{"version", NameOf(entry.version)},
       {"reason", entry.reason.ToString()},
       {"failures", entry.failures}});
  Complete(entry, Status(entry.reason));
}

void ModelStore::OnDestroyed(const std::string& model, uint32_t version) {
  MutexLock lock(mu_);
  if (Entry* entry = FindEntry(model, version);
      entry != nullptr && entry->state == VersionState::kDraining) {
    entry->resident_bytes = 0;
    Move(*entry, VersionState::kUnloaded);
    Log(LogLevel::kInfo, "serving", "model version left", {{"version", NameOf(entry->version)}});
    changed_.NotifyAll();
  }
}

StoreFacts ModelStore::Facts() const {
  StoreFacts facts;
  facts.now = clock_.Monotonic();
  facts.keep_idle = options_.keep_idle;
  facts.max_loaded = options_.max_loaded;
  facts.max_remembered = kMaxRemembered;
  for (const auto& entry : entries_) {
    VersionFacts v;
    v.state = entry->state;
    v.referenced = entry->referenced;
    v.asked = entry->asked;
    v.retry_at = entry->retry_at;
    if (entry->loaded != nullptr) {
      v.last_used = nanoseconds(entry->loaded->last_used_ns.load(std::memory_order_relaxed));
    }
    facts.versions.push_back(v);
  }
  return facts;
}

ModelStore::Entry* ModelStore::FindEntry(std::string_view model, uint32_t version) {
  for (const auto& entry : entries_) {
    if (entry->version.version == version && entry->version.model == model) {
      return entry.get();
    }
  }
  return nullptr;
}

ModelStore::Entry& ModelStore::FindOrAdd(const registry::ModelVersion& version) {
  if (Entry* entry = FindEntry(version.model, version.version)) {
    return *entry;
  }
  entries_.push_back(std::make_unique<Entry>());
  entries_.back()->version = version;
  entries_.back()->since = clock_.Now();
  CountStates();
  return *entries_.back();
}

void ModelStore::Move(Entry& entry, VersionState to) {
  HOEGO_CHECK(CanMove(entry.state, to));
  entry.state = to;
  entry.since = clock_.Now();
  CountStates();
}

void ModelStore::PublishTable() {
  auto next = std::make_shared<Table>();
  for (const auto& entry : entries_) {
    if (entry->state == VersionState::kReady) {
      next->push_back({entry->version.model, entry->version.version, entry->loaded});
    }
  }
  table_.Publish(std::move(next));
}

// Whoever waits is told without the lock, so that he may call back.
void ModelStore::Complete(Entry& entry, const Status& status) {
  entry.asked = false;
  std::vector<Prepared> waiting = std::exchange(entry.waiting, {});
  mu_.Unlock();
  for (const Prepared& done : waiting) {
    done(status);
  }
  mu_.Lock();
}

void ModelStore::CountStates() {
  std::array<int, kVersionStates.size()> counts{};
  uint64_t bytes = 0;
  for (const auto& entry : entries_) {
    ++counts[static_cast<size_t>(entry->state)];
    bytes += entry->resident_bytes;
  }
  for (const VersionState state : kVersionStates) {
    metrics_
        .gauge("hoego_model_versions", "Model versions by state.",
               {{"state", std::string(VersionStateName(state))}})
        .Set(counts[static_cast<size_t>(state)]);
  }
  metrics_.gauge("hoego_model_resident_bytes", "Memory of loaded model versions.")
      .Set(static_cast<double>(bytes));
}

}  // namespace hoego::serving
