#include "serving/decision_log.h"

#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace hoego::serving {
namespace {

events::NewDecision ViewOf(const Decision& d) {
  events::NewDecision out;
  out.id = d.id;
  out.time = d.time;
  out.kind = d.kind;
  out.endpoint = d.endpoint;
  out.unit = d.unit;
  out.route_revision = d.choice.revision;
  out.test = d.choice.test;
  out.arm = d.choice.arm;
  out.arm_probability = d.choice.probability;
  out.model = d.model;
  out.version = d.version;
  out.candidates = d.candidates;
  out.items = d.items;
  out.output_digest = d.output_digest;
  out.latency_us = d.latency_us;
  out.fallback = d.fallback;
  return out;
}

// Where the log's answer about a batch arrives.
struct Answer {
  Mutex mu;
  CondVar arrived;
  std::optional<Status> status GUARDED_BY(mu);
};

}  // namespace

size_t Decision::bytes() const {
  return sizeof(Decision) + endpoint.size() + unit.size() + choice.test.size() + choice.arm.size() +
         choice.model_ref.size() + model.size() + output_digest.size() +
         items.size() * sizeof(events::ChosenItem);
}

Status DecisionLogOptions::Validate() const {
  if (max_queued < 1 || max_queued > 10'000'000) {
    return Status::InvalidArgument(
        fmt::format("serving.decisions.max_queued: expected 1..10000000, got {}", max_queued));
  }
  if (max_queued_bytes < 4096) {
    return Status::InvalidArgument(fmt::format(
        "serving.decisions.max_queued_bytes: expected at least 4096, got {}", max_queued_bytes));
  }
  if (max_batch < 1 || max_batch > 100'000) {
    return Status::InvalidArgument(
        fmt::format("serving.decisions.max_batch: expected 1..100000, got {}", max_batch));
  }
  if (max_wait.count() < 0 || max_wait.count() > 100) {
    return Status::InvalidArgument(
        fmt::format("serving.decisions.max_wait: expected 0..100 ms, got {} ms", max_wait.count()));
  }
  return {};
}

DecisionLog::DecisionLog(events::EventLog& log, Router* router, Metrics& metrics,
                         DecisionLogOptions options)
    : log_(log), router_(router), metrics_(metrics), options_(options) {
  HOEGO_CHECK(options.Validate().ok());
  writer_ = std::jthread([this] { Run(); });
}

DecisionLog::~DecisionLog() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    filled_.NotifyAll();
  }
  writer_.join();
}

bool DecisionLog::TryLog(Decision decision) {
  Queued entry{std::move(decision), nullptr};
  return Push(entry);
}

void DecisionLog::LogDurably(Decision decision, Logged done) {
  Queued entry{std::move(decision), std::move(done)};
  if (!Push(entry)) {
    entry.done(false);
  }
}

// Takes from `entry` only when it returns true.
bool DecisionLog::Push(Queued& entry) {
  if (Refuses()) {
    Lose("log", 1);
    return false;
  }
  const size_t bytes = entry.decision.bytes();
  std::string_view reason;
  {
    MutexLock lock(mu_);
    if (stopping_) {
      reason = "stopping";
    } else if (queue_.size() >= options_.max_queued ||
               queued_bytes_ + bytes > options_.max_queued_bytes) {
      reason = "full";
    } else {
      const bool someone_waits = entry.done != nullptr;
      queue_.push_back(std::move(entry));
      queued_bytes_ += bytes;
      ++pushed_;
      urgent_ = urgent_ || someone_waits;
      // The writer sleeps until there is something, and then until there is enough or its wait is
      // over.
      if (urgent_ || queue_.size() == 1 || queue_.size() == options_.max_batch) {
        filled_.NotifyOne();
      }
      return true;
    }
  }
  Lose(reason, 1);
  return false;
}

// After a failed append nothing is queued until the log takes appends again: "logged" would be a
// promise not kept.
bool DecisionLog::Refuses() {
  if (!broken_.load(std::memory_order_relaxed)) {
    return false;
  }
  if (!log_.health().ok()) {
    return true;
  }
  broken_.store(false, std::memory_order_relaxed);
  return false;
}

void DecisionLog::Flush() {
  MutexLock lock(mu_);
  const uint64_t until = pushed_;
  urgent_ = true;
  filled_.NotifyOne();
  while (settled_ < until) {
    written_.Wait(mu_);
  }
}

size_t DecisionLog::queued() const {
  MutexLock lock(mu_);
  return queue_.size();
}

void DecisionLog::Run() {
  while (true) {
    std::vector<Queued> batch = NextBatch();
    if (batch.empty()) {
      return;
    }
    const uint64_t n = batch.size();
    Write(std::move(batch));
    MutexLock lock(mu_);
    settled_ += n;
    written_.NotifyAll();
  }
}

// Empty only when stopping and drained.
std::vector<DecisionLog::Queued> DecisionLog::NextBatch() {
  MutexLock lock(mu_);
  while (queue_.empty() && !stopping_) {
    filled_.Wait(mu_);
  }
  const auto enough = [this]() REQUIRES(mu_) {
    return stopping_ || urgent_ || queue_.size() >= options_.max_batch;
  };
  if (!enough() && options_.max_wait.count() > 0) {
    filled_.WaitFor(mu_, options_.max_wait);  // woken for nothing: a smaller batch, no harm
  }
  std::vector<Queued> batch;
  while (!queue_.empty() && batch.size() < options_.max_batch) {
    queued_bytes_ -= queue_.front().decision.bytes();
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  urgent_ = urgent_ && !queue_.empty();
  metrics_.gauge("hoego_decisions_queued", "Decisions that wait to be written.")
      .Set(static_cast<double>(queue_.size()));
  return batch;
}

void DecisionLog::Write(std::vector<Queued> batch) {
  std::vector<events::NewRecord> records;
  records.reserve(batch.size());
  for (const Queued& queued : batch) {
    records.emplace_back(ViewOf(queued.decision));
  }
  const auto answer = std::make_shared<Answer>();
  log_.Append(records, [answer](const Result<events::AppendResult>& result) {
    MutexLock lock(answer->mu);
    answer->status = result.status();
    answer->arrived.NotifyAll();
  });
  Status status;
  {
    MutexLock lock(answer->mu);
    while (!answer->status.has_value()) {
      answer->arrived.Wait(answer->mu);
    }
    status = *answer->status;
  }
  if (status.ok()) {
    metrics_.counter("hoego_decisions_logged_total", "Decisions written to the log.")
        .Add(batch.size());
  } else {
    broken_.store(true, std::memory_order_relaxed);
    Lose("log", batch.size());
    Log(LogLevel::kError, "serving", "decisions were lost",
        {{"count", batch.size()}, {"reason", status.ToString()}});
  }
  for (Queued& queued : batch) {
    const Decision& d = queued.decision;
    if (status.ok() && router_ != nullptr && !d.choice.test.empty()) {
      router_->Exposed(d.endpoint, d.choice, d.unit, d.time);
    }
    if (queued.done) {
      queued.done(status.ok());
    }
  }
}

void DecisionLog::Lose(std::string_view reason, uint64_t n) {
  metrics_
      .counter("hoego_decisions_lost_total", "Answers whose decision is not in the log.",
               {{"reason", std::string(reason)}})
      .Add(n);
}

}  // namespace hoego::serving
