// The step look_back: everything the cycle's results say, as a retrospective.
#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "loop/internal/step_tools.h"
#include "loop/retrospective.h"

namespace hoego::loop::internal {
namespace {

Status FillBelieved(const StepInput& input, Retrospective& r) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef snapshot, ResultOf(input.cycle, Step::kSnapshot, parser));
  HOEGO_TRY_ASSIGN(r.dataset_digest, snapshot.RequireString("digest"));
  HOEGO_TRY_ASSIGN(const int64_t samples, snapshot.IntOr("samples", 0));
  HOEGO_TRY_ASSIGN(const int64_t units, snapshot.IntOr("units", 0));
  HOEGO_TRY_ASSIGN(const int64_t items, snapshot.IntOr("items", 0));
  r.samples = static_cast<uint64_t>(samples);
  r.units = static_cast<uint64_t>(units);
  r.items = static_cast<uint64_t>(items);
  HOEGO_TRY_ASSIGN(const std::vector<Trained> all, ReadTrainedList(input.cycle));
  for (const Trained& t : all) {
    if (!t.error.empty()) {
      r.surprises.push_back(fmt::format("{} could not be trained: {}", t.label, t.error));
      continue;
    }
    OfflineRow row{t.label, t.algorithm, ParamsJson(t.params), t.run_id, {t.value, t.low, t.high}, {}, t.seconds, t.cpu_seconds,
                   t.champion_recipe, t.winner};
    row.metrics.assign(t.metrics.begin(), t.metrics.end());
    r.offline.push_back(std::move(row));
  }
  HOEGO_TRY_ASSIGN(const JsonRef gate, ResultOf(input.cycle, Step::kGate, parser));
  HOEGO_TRY_ASSIGN(r.gate_passed, gate.BoolOr("passed", false));
  HOEGO_TRY_ASSIGN(r.gate_reason, gate.StringOr("reason", ""));
  HOEGO_TRY_ASSIGN(r.predicted_p, gate.DoubleOr("p_value", 1));
  if (const auto gain = gate.Find("gain")) {
    Estimate e{gain->AsDouble().value_or(0), std::nullopt, std::nullopt};
    if (gate.Find("low")) {
      e.low = gate.Find("low")->AsDouble();
      e.high = gate.Find("high")->AsDouble();
    }
    r.predicted = e;
  }
  return {};
}

Status FillLooks(JsonRef test, Retrospective& r) {
  const auto looks = test.Find("looks");
  if (!looks) {
    return {};
  }
  return looks->ForEachElement([&](JsonRef one) -> Status {
    std::vector<double> v;
    HOEGO_TRY(one.ForEachElement([&](JsonRef x) -> Status {
      v.push_back(x.AsDouble().value_or(0));
      return {};
    }));
    if (v.size() == 5) {
      r.looks.push_back({v[0], static_cast<uint64_t>(v[1]), v[2], v[3], v[4]});
    }
    return {};
  });
}

Status FillMeasured(const StepInput& input, Retrospective& r) {
  if (!input.cycle.results.contains(Step::kTest)) {
    return {};
  }
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef plan, ResultOf(input.cycle, Step::kPlan, parser));
  HOEGO_TRY_ASSIGN(r.planned_power, plan.DoubleOr("power", 0));
  HOEGO_TRY_ASSIGN(const JsonRef test, ResultOf(input.cycle, Step::kTest, parser));
  r.metric = input.file.metric;
  HOEGO_TRY_ASSIGN(r.test, test.RequireString("test"));
  HOEGO_TRY_ASSIGN(r.verdict, test.RequireString("verdict"));
  HOEGO_TRY_ASSIGN(r.verdict_reason, test.RequireString("reason"));
  HOEGO_TRY_ASSIGN(r.srm_p, test.DoubleOr("srm_p_value", 1));
  HOEGO_TRY_ASSIGN(const int64_t champion, test.IntOr("units_champion", 0));
  HOEGO_TRY_ASSIGN(const int64_t challenger, test.IntOr("units_challenger", 0));
  HOEGO_TRY_ASSIGN(const int64_t decisions, test.IntOr("decisions", 0));
  r.units_champion = static_cast<uint64_t>(champion);
  r.units_challenger = static_cast<uint64_t>(challenger);
  r.requests = static_cast<uint64_t>(decisions);
  if (test.Find("effect") && r.verdict != "invalid") {
    Estimate e;
    HOEGO_TRY_ASSIGN(e.value, test.DoubleOr("effect", 0));
    HOEGO_TRY_ASSIGN(const double low, test.DoubleOr("low", 0));
    HOEGO_TRY_ASSIGN(const double high, test.DoubleOr("high", 0));
    e.low = low;
    e.high = high;
    r.measured = e;
    HOEGO_TRY_ASSIGN(r.rate_champion, test.DoubleOr("rate_champion", 0));
    HOEGO_TRY_ASSIGN(r.rate_challenger, test.DoubleOr("rate_challenger", 0));
    HOEGO_TRY(FillLooks(test, r));
  }
  if (const auto guards = test.Find("guardrails")) {
    HOEGO_TRY(guards->ForEachElement([&](JsonRef g) -> Status {
      r.guardrails.emplace_back(g.AsString().value_or(""));
      return {};
    }));
  }
  return {};
}

}  // namespace

Result<std::string> DoLookBack(const StepParts& parts, const StepInput& input) {
  Retrospective r;
  r.id = CycleName(input);
  r.loop = input.file.name;
  r.cycle = input.cycle.cycle;
  r.endpoint = input.file.endpoint;
  r.started = input.cycle.started;
  r.finished = parts.clock.Now();
  r.note = parts.note;
  r.objective = input.file.objective;
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef registered, ResultOf(input.cycle, Step::kRegister, parser));
  HOEGO_TRY_ASSIGN(r.model, registered.RequireString("model"));
  HOEGO_TRY_ASSIGN(const int64_t champion, registered.IntOr("champion", 0));
  HOEGO_TRY_ASSIGN(const int64_t challenger, registered.IntOr("challenger", 0));
  r.champion = static_cast<uint32_t>(champion);
  r.challenger = static_cast<uint32_t>(challenger);
  HOEGO_TRY_ASSIGN(const JsonRef conclusion, ResultOf(input.cycle, Step::kConclude, parser));
  HOEGO_TRY_ASSIGN(const int64_t now, conclusion.IntOr("answers_now", 0));
  HOEGO_TRY_ASSIGN(const std::string action, conclusion.StringOr("action", ""));
  HOEGO_TRY_ASSIGN(const std::string why, conclusion.StringOr("why", ""));
  r.answers_now = static_cast<uint32_t>(now);
  r.because = fmt::format("{}; {}", action, why);
  HOEGO_TRY(FillBelieved(input, r));
  const std::vector<std::string> failed = std::move(r.surprises);
  HOEGO_TRY(FillMeasured(input, r));
  for (const auto& [step, seconds] : input.cycle.seconds) {
    r.step_seconds.emplace_back(StepName(step), seconds);
  }
  LookBack(r);
  r.surprises.insert(r.surprises.begin(), failed.begin(), failed.end());
  // What the cycle made lies in the blob store now.
  std::error_code error;
  std::filesystem::remove_all(CycleFolder(parts, input), error);
  if (error) {
    Log(LogLevel::kWarning, "loop", "the cycle's work folder could not be removed", {{"error", error.message()}});
  }
  return ToJson(r);
}

}  // namespace hoego::loop::internal
