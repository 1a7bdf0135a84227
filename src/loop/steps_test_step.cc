// The steps plan, test and conclude.
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <mutex>

#include "loop/internal/step_tools.h"
#include "loop/retrospective.h"

namespace hoego::loop::internal {
namespace {

constexpr size_t kMostLooks = 300;  // kept for the plot; of more, every second is dropped

struct Versions {
  std::string model;
  uint32_t champion = 0;
  uint32_t challenger = 0;
};

Result<Versions> ReadVersions(const StepInput& input) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef registered, ResultOf(input.cycle, Step::kRegister, parser));
  Versions v;
  HOEGO_TRY_ASSIGN(v.model, registered.RequireString("model"));
  HOEGO_TRY_ASSIGN(const int64_t champion, registered.RequireInt("champion"));
  HOEGO_TRY_ASSIGN(const int64_t challenger, registered.RequireInt("challenger"));
  v.champion = static_cast<uint32_t>(champion);
  v.challenger = static_cast<uint32_t>(challenger);
  return v;
}

// The champion's rate in the newest finished test at this endpoint with this metric: what the plan expects.
std::optional<double> KnownRate(const StepParts& parts, const StepInput& input) {
  std::optional<double> rate;
  Time newest{};
  for (const abtest::TestDefinition& t : parts.tests.List()) {
    if (t.plan.endpoint != input.file.endpoint || t.plan.metric.name != input.file.metric || t.state == abtest::TestState::kPlanned ||
        t.state == abtest::TestState::kRunning || t.changed < newest) {
      continue;
    }
    const auto verdict = parts.tests.ComputeVerdict(t.plan.name);
    if (verdict.ok() && verdict->effect) {
      rate = t.state == abtest::TestState::kShipped ? verdict->effect->treatment : verdict->effect->control;
      newest = t.changed;
    }
  }
  return rate;
}

Result<abtest::TestPlan> MakePlan(const StepParts& parts, const StepInput& input, const Versions& versions) {
  const LoopFile& file = input.file;
  JsonWriter w;
  w.BeginObject().Field("name", CycleName(input)).Field("endpoint", file.endpoint).Field("kind", "ab").Key("arms").BeginArray();
  w.BeginObject().Field("name", "champion").Field("model", fmt::format("{}/{}", versions.model, versions.champion));
  w.Field("weight", file.weights[0]).EndObject();
  w.BeginObject().Field("name", "challenger").Field("model", fmt::format("{}/{}", versions.model, versions.challenger));
  w.Field("weight", file.weights[1]).EndObject().EndArray();
  const std::string event = file.metric.substr(0, file.metric.size() - 5);  // watch_rate → watch
  w.Key("metric").BeginObject().Field("name", file.metric).Field("kind", "conversion").Field("event", event);
  w.Field("window", "1d").EndObject().Key("guardrails").BeginArray();
  for (const Guardrail& g : file.guardrails) {
    // Latency bounds are absolute in a loop file: the test measures, with a margin it never reaches, and the loop compares.
    w.BeginObject().Field("metric", g.metric).Field("margin", g.metric == "error_rate" ? g.bound : 100.0).EndObject();
  }
  w.EndArray().Key("method").BeginObject().Field("always_valid", file.always_valid).Field("alpha", file.alpha).EndObject();
  w.Field("min_effect", file.min_effect).Field("min_effect_scale", "relative");
  w.Field("baseline", KnownRate(parts, input).value_or(0.5));
  w.Field("expected_units", static_cast<uint64_t>(parts.store.unit_count()));
  if (file.test_at_most) {
    w.Key("stop").BeginObject().Field("max_duration", fmt::format("{}ms", file.test_at_most->count())).EndObject();
  }
  w.EndObject();
  return abtest::ParsePlan(w.text());
}

constexpr double kMillis = 1e-3;              // reports give latencies in microseconds
constexpr uint64_t kAnswersForLatency = 500;  // of each arm: below it a p99 is a handful of answers

// Absolute latency bounds: the challenger must keep what the champion keeps. A machine on which both are late says nothing about
// the challenger. Returns the first bound that is broken.
std::optional<std::string> BrokenBound(const LoopFile& file, const abtest::VerdictReport& report) {
  const bool enough = std::all_of(report.arms.begin(), report.arms.end(),
                                  [](const auto& arm) { return arm.decisions >= kAnswersForLatency; });
  for (const Guardrail& g : file.guardrails) {
    for (const abtest::GuardrailResult& r : report.guardrails) {
      if (enough && g.metric == abtest::GuardrailName(r.kind) && g.metric != "error_rate" && r.treatment && r.control &&
          *r.treatment * kMillis > g.bound && *r.control * kMillis <= g.bound) {
        return fmt::format("{} of the challenger is {:.3g} ms, bound {} ms; the champion keeps it with {:.3g} ms", g.metric,
                           *r.treatment * kMillis, g.bound, *r.control * kMillis);
      }
    }
  }
  return std::nullopt;
}

void Thin(std::vector<Look>& looks) {
  if (looks.size() > kMostLooks) {
    std::vector<Look> kept;
    for (size_t i = 0; i < looks.size(); i += 2) {
      kept.push_back(looks[i]);
    }
    looks = std::move(kept);
  }
}

void AddLook(std::vector<Look>& looks, const abtest::VerdictReport& report, double seconds) {
  if (report.effect && report.effect->relative && report.effect->relative_low && report.effect->relative_high) {
    uint64_t units = 0;
    for (const auto& arm : report.arms) {
      units += arm.units;
    }
    looks.push_back({seconds, units, *report.effect->relative, *report.effect->relative_low, *report.effect->relative_high});
    Thin(looks);
  }
}

std::string GuardrailSentence(const abtest::GuardrailResult& g, const LoopFile& file) {
  std::string text(abtest::GuardrailName(g.kind));
  if (g.control && g.treatment) {
    const double scale = g.kind == abtest::GuardrailKind::kErrorRate ? 1 : kMillis;
    text += fmt::format(": {:.3g} with the challenger, {:.3g} with the champion", *g.treatment * scale, *g.control * scale);
  }
  for (const Guardrail& bound : file.guardrails) {
    if (bound.metric == abtest::GuardrailName(g.kind)) {
      text += bound.metric == "error_rate" ? fmt::format("; at most {:.3g} worse", bound.bound)
                                           : fmt::format(" ms; bound {:.4g} ms", bound.bound);
    }
  }
  return text + fmt::format(" ({})", abtest::GuardrailStateName(g.state));
}

std::string TestResult(const StepInput& input, const abtest::VerdictReport& report, const std::vector<Look>& looks,
                       std::string_view verdict, std::string_view reason) {
  JsonWriter w;
  w.BeginObject().Field("test", report.test).Field("verdict", verdict).Field("reason", reason).Field("srm_p_value", report.srm_p);
  if (report.effect && report.effect->relative && report.effect->relative_low && report.effect->relative_high) {
    w.Field("effect", *report.effect->relative).Field("low", *report.effect->relative_low);
    w.Field("high", *report.effect->relative_high).Field("rate_champion", report.effect->control);
    w.Field("rate_challenger", report.effect->treatment);
  }
  uint64_t decisions = 0;
  for (const auto& arm : report.arms) {
    w.Field("units_" + arm.name, arm.units);
    decisions += arm.decisions;
  }
  w.Field("decisions", decisions).Field("feedback", report.feedback).Field("cut", report.cut.ToString());
  w.Key("guardrails").BeginArray();
  for (const auto& g : report.guardrails) {
    w.String(GuardrailSentence(g, input.file));
  }
  w.EndArray().Key("looks").BeginArray();
  for (const Look& l : looks) {
    w.BeginArray().Double(l.seconds).Uint(l.units).Double(l.effect).Double(l.low).Double(l.high).EndArray();
  }
  return w.EndArray().EndObject().Take();
}

// The looks of a sequential test come on a schedule; a stop wakes it at once.
void WaitForNextLook(std::chrono::milliseconds pause, const std::stop_token& stop) {
  std::mutex mu;
  std::condition_variable_any cv;
  std::unique_lock<std::mutex> lock(mu);
  cv.wait_for(lock, stop, pause, [] { return false; });
}

}  // namespace

Result<std::string> DoPlan(const StepParts& parts, const StepInput& input) {
  HOEGO_TRY_ASSIGN(const Versions versions, ReadVersions(input));
  auto test = parts.tests.Get(CycleName(input));
  if (!test.ok()) {
    HOEGO_TRY_ASSIGN(const abtest::TestPlan plan, MakePlan(parts, input, versions));
    test = parts.control.Create(plan);
    HOEGO_TRY(test.status());
  }
  JsonWriter w;
  w.BeginObject().Field("test", test->plan.name).Field("power", test->plan.expected_power.value_or(0));
  w.Field("needed_units", test->plan.needed_units).Key("plan").Raw(abtest::PlanJson(test->plan)).EndObject();
  return w.Take();
}

Result<std::string> DoTest(const StepParts& parts, const StepInput& input) {
  const std::string name = CycleName(input);
  HOEGO_TRY_ASSIGN(abtest::TestDefinition test, parts.tests.Get(name));
  if (test.state == abtest::TestState::kPlanned) {
    HOEGO_TRY_ASSIGN(test, parts.control.Start(name));
  }
  const auto seconds_since_start = [&] {
    return std::chrono::duration<double>(parts.clock.Now() - test.changed).count();  // also after a restart
  };
  const auto pause = std::clamp(input.file.test_at_most.value_or(std::chrono::hours(1)) / 60, std::chrono::milliseconds(250),
                                std::chrono::milliseconds(10'000));
  std::vector<Look> looks;
  std::optional<std::string> broken;
  double last_seconds = 0;
  while (test.state == abtest::TestState::kRunning) {
    if (input.stop.stop_requested()) {
      return Status::Cancelled("the test goes on; this process stops looking");
    }
    WaitForNextLook(pause, input.stop);
    HOEGO_TRY_ASSIGN(const abtest::VerdictReport report, parts.tests.ComputeVerdict(name));
    const double seconds = seconds_since_start();
    AddLook(looks, report, seconds);
    broken = BrokenBound(input.file, report);
    uint64_t units = 0;
    for (const auto& arm : report.arms) {
      units += arm.units;
    }
    const double share =
        input.file.test_at_most ? seconds / std::chrono::duration<double>(*input.file.test_at_most).count() : 0.5;
    input.progress(std::min(share, 1.0), fmt::format("{} units, {}", units, abtest::VerdictName(report.decision.verdict)));
    // A verdict's horizon is read from the log, so it does not pass while no record comes: the loop ends the test by the clock.
    const bool over = share >= 1;
    if (report.decision.stop || broken || over) {
      const std::string why = broken ? *broken : report.decision.stop ? report.decision.reason : "its time is over";
      last_seconds = seconds;
      HOEGO_TRY_ASSIGN(test, parts.control.Stop(name, why));
    } else {
      HOEGO_TRY_ASSIGN(test, parts.tests.Get(name));
    }
  }
  HOEGO_TRY_ASSIGN(const abtest::VerdictReport final, parts.tests.ComputeVerdict(name));
  AddLook(looks, final, last_seconds);
  const bool invalid = final.decision.verdict == abtest::Verdict::kInvalid;
  return TestResult(input, final, looks, broken && !invalid ? "roll_back" : abtest::VerdictName(final.decision.verdict),
                    broken && !invalid ? *broken : final.decision.reason);
}

Result<std::string> DoConclude(const StepParts& parts, const StepInput& input) {
  HOEGO_TRY_ASSIGN(const Versions versions, ReadVersions(input));
  std::string action = "kept";
  std::string why = "no test was run";
  if (input.cycle.results.contains(Step::kTest)) {
    JsonParser parser;
    HOEGO_TRY_ASSIGN(const JsonRef result, ResultOf(input.cycle, Step::kTest, parser));
    HOEGO_TRY_ASSIGN(const std::string verdict, result.RequireString("verdict"));
    HOEGO_TRY_ASSIGN(const std::string reason, result.RequireString("reason"));
    HOEGO_TRY_ASSIGN(const abtest::TestDefinition test, parts.tests.Get(CycleName(input)));
    why = reason;
    const bool open = test.state == abtest::TestState::kRunning || test.state == abtest::TestState::kStopped;
    if (verdict == "ship" && input.file.promote) {
      if (open) {
        HOEGO_TRY(parts.control.Ship(CycleName(input), reason, "loop " + input.file.name).status());
      }
      action = "promoted";
    } else if (verdict == "ship") {
      action = "asked";
    } else {
      if (open) {
        HOEGO_TRY(parts.control.RollBack(CycleName(input), reason).status());
      }
      action = verdict == "roll_back" ? "rolled back" : "kept";
    }
  }
  HOEGO_TRY_ASSIGN(const registry::ModelVersion now, parts.registry.Resolve({versions.model, std::nullopt, "champion"}));
  JsonWriter w;
  w.BeginObject().Field("action", action).Field("why", why).Field("answers_now", now.version).EndObject();
  return w.Take();
}

}  // namespace hoego::loop::internal
