#include "abtest/internal/exposure_log.h"

#include <utility>

#include "base/random.h"

namespace hoego::abtest::internal {
namespace {

constexpr size_t kMostAShard = 262'144;  // 4 million in all
constexpr size_t kMostABatch = 512;

}  // namespace

ExposureLog::ExposureLog(events::EventLog& log, size_t capacity, Wanted wanted, Metrics& metrics)
    : log_(log),
      wanted_(std::move(wanted)),
      written_total_(
          metrics.counter("hoego_abtest_exposures_total", "Exposures written to the log.")),
      dropped_total_(
          metrics.counter("hoego_abtest_exposures_dropped_total",
                          "Exposures not written: the queue was full or the log refused.")),
      queue_(capacity) {}

ExposureLog::~ExposureLog() {
  Close();
}

void ExposureLog::Start() {
  writer_ = std::thread([this] { Run(); });
}

void ExposureLog::Close() {
  queue_.Close();
  if (writer_.joinable()) {
    writer_.join();
  }
}

bool ExposureLog::Remember(uint64_t hash) {
  Shard& shard = shards_[hash % shards_.size()];
  MutexLock lock(shard.mu);
  if (shard.hashes.size() >= kMostAShard) {
    shard.hashes.clear();
  }
  return shard.hashes.insert(hash).second;
}

void ExposureLog::Forget(uint64_t hash) {
  Shard& shard = shards_[hash % shards_.size()];
  MutexLock lock(shard.mu);
  shard.hashes.erase(hash);
}

void ExposureLog::Take(std::string_view test, std::string_view arm, std::string_view unit,
                       Time when) {
  const uint64_t hash = HashBytes(unit, HashBytes(test));
  if (!Remember(hash)) {
    return;
  }
  if (queue_.TryPush({std::string(test), std::string(arm), std::string(unit), when, hash})) {
    ++taken_;
    return;
  }
  Forget(hash);
  dropped_total_.Add();
}

void ExposureLog::Run() {
  while (true) {
    const std::vector<PendingExposure> batch = queue_.PopSome(kMostABatch);
    if (batch.empty()) {
      return;
    }
    WriteBatch(batch);
    MutexLock lock(mu_);
    done_ += batch.size();
    moved_.NotifyAll();
  }
}

void ExposureLog::WriteBatch(const std::vector<PendingExposure>& batch) {
  std::vector<events::NewRecord> records;
  std::vector<uint64_t> hashes;
  for (const PendingExposure& e : batch) {
    if (wanted_(e)) {
      records.emplace_back(events::NewExposure{e.when, e.test, e.arm, e.unit});
      hashes.push_back(e.hash);
    }
  }
  if (records.empty()) {
    return;
  }
  if (events::AppendAndWait(log_, records).ok()) {
    written_total_.Add(records.size());
    return;
  }
  dropped_total_.Add(records.size());
  for (const uint64_t hash : hashes) {
    Forget(hash);
  }
}

void ExposureLog::WaitWritten() {
  const uint64_t taken = taken_;
  MutexLock lock(mu_);
  while (done_ < taken) {
    moved_.Wait(mu_);
  }
}

}  // namespace hoego::abtest::internal
