#include "abtest/fold.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "abtest/internal/bytes.h"

namespace hoego::abtest {
namespace {

constexpr size_t kMostDecisions = 1'000'000;
constexpr size_t kMostEarly = 16'384;
constexpr int64_t kEarlyMs = 10'000;
constexpr int64_t kSkewMs = 300'000;   // what a sender's clock may be off
constexpr double kMostAmount = 1e100;  // squares of what a unit brings must stay finite

}  // namespace

TestFold::TestFold(TestPlan plan, FindType find_type, Unmatched unmatched)
    : plan_(std::move(plan)),
      find_type_(std::move(find_type)),
      unmatched_(std::move(unmatched)),
      decisions_(kMostDecisions) {
  figures_.arms.resize(plan_.arms.size());
}

uint64_t Figures::exposed_units() const {
  uint64_t units = 0;
  for (const ArmFold& arm : arms) {
    units += arm.outcome.units();
  }
  return units;
}

std::optional<uint8_t> TestFold::ArmIndex(std::string_view name) const {
  for (size_t i = 0; i < plan_.arms.size(); ++i) {
    if (plan_.arms[i].name == name) {
      return static_cast<uint8_t>(i);
    }
  }
  return std::nullopt;
}

void TestFold::Contribute(const Unit& unit, bool add) {
  if (!unit.exposed || unit.moved) {
    return;
  }
  ArmFold& arm = figures_.arms[unit.arm];
  const double y = plan_.metric.kind == MetricKind::kConversion ? (unit.y > 0 ? 1 : 0) : unit.y;
  const double x = plan_.metric.kind == MetricKind::kRatio ? unit.decisions : 0;
  if (add) {
    arm.outcome.Add(y, x);
    arm.errors.Add(unit.fallbacks, unit.decisions);
  } else {
    arm.outcome.Remove(y, x);
    arm.errors.Remove(unit.fallbacks, unit.decisions);
  }
}

template <class F>
void TestFold::Change(Unit& unit, const F& change) {
  Contribute(unit, false);
  change(unit);
  Contribute(unit, true);
}

void TestFold::Add(const events::Record& record) {
  now_ms_ = ToUnixMillis(record.received);
  if (started_ms_ == 0) {
    started_ms_ = now_ms_;
  }
  Expire(now_ms_);
  if (record.kind == events::RecordKind::kDecision && record.decision.test == plan_.name) {
    AddDecision(record);
  } else if (record.kind == events::RecordKind::kExposure && record.exposure.test == plan_.name) {
    AddExposure(record);
  } else if (record.kind == events::RecordKind::kEvent) {
    AddEvent(record);
  }
  UpdateHorizon();
}

void TestFold::AddExposure(const events::Record& record) {
  const std::optional<uint8_t> arm = ArmIndex(record.exposure.arm);
  if (!arm) {
    figures_.wrong_arm = true;
    return;
  }
  Unit& unit = units_[record.unit.value()];
  const bool known = unit.exposed || unit.decisions > 0;
  if (known && unit.arm != *arm) {
    if (!unit.moved) {
      ++figures_.moved_units;
      Change(unit, [](Unit& u) { u.moved = true; });
    }
    return;
  }
  if (!unit.exposed) {
    Change(unit, [&](Unit& u) {
      u.exposed = true;
      u.arm = *arm;
    });
  }
}

void TestFold::AddDecision(const events::Record& record) {
  const std::optional<uint8_t> arm = ArmIndex(record.decision.arm);
  if (!arm) {
    figures_.wrong_arm = true;
    return;
  }
  const events::DecisionView& decision = record.decision;
  ArmFold& fold = figures_.arms[*arm];
  ++fold.decisions;
  fold.latency.Add(decision.latency_us);
  if (!decision.fallback) {
    if (fold.model.empty()) {
      fold.model = decision.model;
      fold.version = decision.version;
    }
    fold.mixed_versions =
        fold.mixed_versions || fold.model != decision.model || fold.version != decision.version;
  }
  Unit& unit = units_[record.unit.value()];
  if ((unit.exposed || unit.decisions > 0) && unit.arm != *arm && !unit.moved) {
    ++figures_.moved_units;
    Change(unit, [](Unit& u) { u.moved = true; });
  }
  Change(unit, [&](Unit& u) {
    u.arm = u.exposed || u.decisions > 0 ? u.arm : *arm;
    ++u.decisions;
    u.fallbacks += decision.fallback ? 1 : 0;
  });
  const internal::DecisionWindow::Entry entry{internal::DecisionHash(decision.id),
                                              ToUnixMillis(record.time), now_ms_,
                                              record.unit.value(), *arm};
  decisions_.Put(entry);
  if (early_count_.erase(entry.id) != 0) {
    for (auto it = early_.begin(); it != early_.end();) {
      if (it->hash == entry.id) {
        CountFeedback(entry, *it);
        it = early_.erase(it);
      } else {
        ++it;
      }
    }
  }
}

void TestFold::AddEvent(const events::Record& record) {
  if (!record.event.decision) {
    return;
  }
  if (!type_) {
    type_ = find_type_(plan_.metric.event);
  }
  if (!type_ || record.event.type != *type_) {
    return;
  }
  Early event;
  event.decision = *record.event.decision;
  event.hash = internal::DecisionHash(event.decision);
  event.time_ms = ToUnixMillis(record.time);
  event.received_ms = now_ms_;
  event.unit = record.unit.value();
  event.amount = plan_.metric.values ? record.event.value.value_or(0) : 1;
  if (!(std::fabs(event.amount) <= kMostAmount)) {
    event.amount = 0;
  }
  if (const internal::DecisionWindow::Entry* decision = decisions_.Find(event.hash)) {
    CountFeedback(*decision, event);
    return;
  }
  if (early_.size() >= kMostEarly) {
    Expire(early_.front().received_ms + kEarlyMs + 1);
  }
  early_.push_back(event);
  ++early_count_[event.hash];
}

void TestFold::Expire(int64_t now_ms) {
  while (!early_.empty() && early_.front().received_ms + kEarlyMs < now_ms) {
    const Early& oldest = early_.front();
    const auto count = early_count_.find(oldest.hash);
    if (--count->second == 0) {
      early_count_.erase(count);
    }
    if (unmatched_) {
      unmatched_(oldest.decision);
    }
    early_.pop_front();
  }
}

void TestFold::CountFeedback(const internal::DecisionWindow::Entry& decision, const Early& event) {
  if (event.unit != decision.unit) {
    ++figures_.foreign;
    return;
  }
  const int64_t window = plan_.metric.window.count();
  const bool in_time = event.received_ms <= decision.received_ms + window &&
                       event.time_ms <= decision.time_ms + window &&
                       event.time_ms >= decision.time_ms - kSkewMs;
  if (!in_time) {
    ++figures_.late;
    return;
  }
  ++figures_.feedback;
  Change(units_[event.unit],
         [&](Unit& u) { u.y = std::clamp(u.y + event.amount, -kMostAmount, kMostAmount); });
}

void TestFold::Freeze() {
  units_ = {};
  decisions_.Clear();
  early_ = {};
  early_count_ = {};
}

bool TestFold::IsExposed(events::UnitKey unit) const {
  const auto found = units_.find(unit.value());
  return found != units_.end() && found->second.exposed;
}

void TestFold::UpdateHorizon() {
  const bool units = plan_.max_units > 0 && figures_.exposed_units() >= plan_.max_units;
  const bool time =
      plan_.max_duration.count() > 0 && now_ms_ - started_ms_ >= plan_.max_duration.count();
  figures_.horizon = figures_.horizon || units || time;
}

void TestFold::AppendTo(std::string& out) const {
  using internal::AppendNumber;
  for (const ArmFold& arm : figures_.arms) {
    arm.outcome.AppendTo(out);
    arm.errors.AppendTo(out);
    arm.latency.AppendTo(out);
    AppendNumber(out, arm.decisions);
    internal::AppendText(out, arm.model);
    AppendNumber(out, arm.version);
    AppendNumber(out, static_cast<uint8_t>(arm.mixed_versions ? 1 : 0));
  }
  AppendNumber(out,
               static_cast<uint8_t>((figures_.wrong_arm ? 1 : 0) | (figures_.horizon ? 2 : 0)));
  for (const uint64_t v :
       {figures_.moved_units, figures_.feedback, figures_.late, figures_.foreign}) {
    AppendNumber(out, v);
  }
  AppendNumber(out, started_ms_);
  AppendNumber(out, now_ms_);
  std::vector<std::pair<uint32_t, const Unit*>> units;
  units.reserve(units_.size());
  for (const auto& [key, unit] : units_) {
    units.emplace_back(key, &unit);
  }
  std::sort(units.begin(), units.end());
  AppendNumber(out, static_cast<uint64_t>(units.size()));
  for (const auto& [key, unit] : units) {
    AppendNumber(out, key);
    internal::AppendDouble(out, unit->y);
    AppendNumber(out, unit->decisions);
    AppendNumber(out, unit->fallbacks);
    AppendNumber(out, unit->arm);
    AppendNumber(out, static_cast<uint8_t>((unit->exposed ? 1 : 0) | (unit->moved ? 2 : 0)));
  }
  decisions_.AppendTo(out);
  AppendNumber(out, static_cast<uint64_t>(early_.size()));
  for (const Early& e : early_) {
    out.append(e.decision.bytes.begin(), e.decision.bytes.end());
    AppendNumber(out, e.time_ms);
    AppendNumber(out, e.received_ms);
    AppendNumber(out, e.unit);
    internal::AppendDouble(out, e.amount);
  }
}

Status TestFold::ReadFrom(std::string_view& in) {
  for (ArmFold& arm : figures_.arms) {
    HOEGO_TRY(arm.outcome.ReadFrom(in));
    HOEGO_TRY(arm.errors.ReadFrom(in));
    HOEGO_TRY(arm.latency.ReadFrom(in));
    internal::ByteReader reader(in);
    arm.decisions = reader.Number<uint64_t>();
    arm.model = reader.Text();
    arm.version = reader.Number<uint32_t>();
    arm.mixed_versions = reader.Number<uint8_t>() != 0;
    in = reader.rest();
    HOEGO_TRY(reader.status());
  }
  internal::ByteReader reader(in);
  const auto marks = reader.Number<uint8_t>();
  figures_.wrong_arm = (marks & 1) != 0;
  figures_.horizon = (marks & 2) != 0;
  for (uint64_t* v :
       {&figures_.moved_units, &figures_.feedback, &figures_.late, &figures_.foreign}) {
    *v = reader.Number<uint64_t>();
  }
  started_ms_ = reader.Number<int64_t>();
  now_ms_ = reader.Number<int64_t>();
  const uint64_t units = reader.Count(22);
  units_.reserve(units);
  for (uint64_t i = 0; i < units; ++i) {
    Unit& unit = units_[reader.Number<uint32_t>()];
    unit.y = reader.Double();
    unit.decisions = reader.Number<uint32_t>();
    unit.fallbacks = reader.Number<uint32_t>();
    unit.arm = reader.Number<uint8_t>();
    const auto flags = reader.Number<uint8_t>();
    unit.exposed = (flags & 1) != 0;
    unit.moved = (flags & 2) != 0;
    if (unit.arm >= figures_.arms.size()) {
      return Status::DataLoss("a unit's arm is beyond the last");
    }
  }
  decisions_.ReadFrom(reader);
  const uint64_t early = reader.Count(44);
  for (uint64_t i = 0; i < early; ++i) {
    Early e;
    for (uint8_t& byte : e.decision.bytes) {
      byte = reader.Number<uint8_t>();
    }
    e.hash = internal::DecisionHash(e.decision);
    e.time_ms = reader.Number<int64_t>();
    e.received_ms = reader.Number<int64_t>();
    e.unit = reader.Number<uint32_t>();
    e.amount = reader.Double();
    early_.push_back(e);
    ++early_count_[e.hash];
  }
  in = reader.rest();
  return reader.status();
}

}  // namespace hoego::abtest
