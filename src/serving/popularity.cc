#include "serving/popularity.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"

namespace hoego::serving {
namespace {

// Beyond this many half lives from the origin the sums are rescaled: 2^64 times any count fits a
// double with room to spare.
constexpr double kMaxHalfLives = 64;

}  // namespace

Popularity::Popularity(events::EventLog& log, const Clock& clock, Metrics& metrics, Options options)
    : log_(log), clock_(clock), metrics_(metrics), options_(options), chunks_(kChunks) {
  origin_ms_ = ToUnixMillis(clock.Now());
  const Time since = clock.Now() - options.window;
  thread_ = std::jthread([this, since](const std::stop_token& stop) { Run(since, stop); });
}

Popularity::~Popularity() {
  thread_.request_stop();
  thread_.join();
}

void Popularity::Score(std::span<float> scores) const {
  const double age_ms =
      static_cast<double>(ToUnixMillis(clock_.Now()) - origin_ms_.load(std::memory_order_relaxed));
  const double half_life_ms = std::chrono::duration<double, std::milli>(options_.half_life).count();
  const double to_now = std::exp2(-age_ms / half_life_ms);
  for (size_t begin = 0; begin < scores.size(); begin += kChunk) {
    const Cell* chunk = chunks_[begin / kChunk].load(std::memory_order_acquire);
    const size_t n = std::min<size_t>(kChunk, scores.size() - begin);
    for (size_t i = 0; i < n; ++i) {
      scores[begin + i] = static_cast<float>(chunk[i].load(std::memory_order_relaxed) * to_now);
    }
  }
}

events::Cut Popularity::position() const {
  MutexLock lock(mu_);
  return position_;
}

bool Popularity::WaitUntil(events::Cut cut) const {
  MutexLock lock(mu_);
  while (position_ < cut && !stopped_) {
    moved_.Wait(mu_);
  }
  return position_ >= cut;
}

void Popularity::SetPosition(events::Cut cut, bool stopped) {
  MutexLock lock(mu_);
  position_ = cut;
  stopped_ = stopped;
  moved_.NotifyAll();
}

void Popularity::Run(Time since, const std::stop_token& stop) {
  const auto cut = log_.CutAt(since);
  events::Cut from = cut.ok() ? *cut : log_.begin();
  while (!stop.stop_requested()) {
    const auto cursor = log_.Read(from);
    if (CatchUp(*cursor, stop)) {
      break;
    }
    // What lay there is gone (retention) or damaged: go on after it. The counts are an estimate and
    // bear the gap.
    metrics_
        .counter("hoego_popularity_gaps_total", "Times that counting skipped a part of the log.")
        .Add();
    from = std::max(log_.begin(), cursor->position());
    if (from == cursor->position()) {
      from = log_.end();
      log_.WaitBeyond(from, stop);
    }
  }
  SetPosition(position(), true);
}

// False when the log could not be read on from here; true when asked to stop.
bool Popularity::CatchUp(events::Cursor& cursor, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto record = cursor.Next();
    if (!record.ok()) {
      Log(LogLevel::kWarning, "serving", "popularity skips a part of the log",
          {{"reason", record.status().ToString()}});
      return false;
    }
    if (*record != nullptr) {
      Count(**record);
      continue;
    }
    const events::Cut at = cursor.position();
    SetPosition(at, false);
    log_.WaitBeyond(at, stop);
  }
  return true;
}

void Popularity::Count(const events::Record& record) {
  if (record.kind != events::RecordKind::kEvent || record.event.item == events::kNoItem) {
    return;
  }
  // A sender's clock that is ahead must not make its events outlive the others.
  const double weight = Weight(std::min(record.time, record.received));
  const uint32_t key = record.event.item.value();
  Cell& cell = CellOf(key);
  cell.store(cell.load(std::memory_order_relaxed) + weight, std::memory_order_relaxed);
}

double Popularity::Weight(Time at) {
  const double half_life_ms = std::chrono::duration<double, std::milli>(options_.half_life).count();
  const auto half_lives = [&] {
    return static_cast<double>(ToUnixMillis(at) - origin_ms_.load(std::memory_order_relaxed)) /
           half_life_ms;
  };
  if (half_lives() > kMaxHalfLives) {
    Rescale(std::exp2(-half_lives()));
    origin_ms_.store(ToUnixMillis(at), std::memory_order_relaxed);
  }
  return std::exp2(std::max(half_lives(), -1000.0));
}

void Popularity::Rescale(double factor) {
  for (uint32_t key = 0; key < size_.load(std::memory_order_relaxed); ++key) {
    Cell& cell = CellOf(key);
    cell.store(cell.load(std::memory_order_relaxed) * factor, std::memory_order_relaxed);
  }
}

Popularity::Cell& Popularity::CellOf(uint32_t key) {
  auto& slot = chunks_[key / kChunk];
  if (slot.load(std::memory_order_relaxed) == nullptr) {
    // Keys are dense, so the chunks before this one exist or are made now.
    for (uint32_t c = 0; c <= key / kChunk; ++c) {
      if (chunks_[c].load(std::memory_order_relaxed) == nullptr) {
        owned_.push_back(std::make_unique<Cell[]>(kChunk));
        chunks_[c].store(owned_.back().get(), std::memory_order_release);
      }
    }
  }
  if (key >= size_.load(std::memory_order_relaxed)) {
    size_.store(key + 1, std::memory_order_release);
  }
  return slot.load(std::memory_order_relaxed)[key % kChunk];
}

}  // namespace hoego::serving
