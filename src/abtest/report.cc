#include "abtest/report.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>

#include "abtest/effects.h"
#include "abtest/ratio_check.h"
#include "abtest/sequential.h"
#include "base/json.h"

namespace hoego::abtest {
namespace {

constexpr uint64_t kLeastGuardrailUnits =
    30;  // an arm: a broken treatment is taken back before min_units

Result<Estimate> EstimateMetric(const TestPlan& plan, const ArmFold& arm) {
  const Moments m = arm.outcome.moments();
  switch (plan.metric.kind) {
    case MetricKind::kConversion:
      return EstimateProportion(m);
    case MetricKind::kMean:
      return EstimateMean(m);
    case MetricKind::kRatio:
      break;
  }
  return EstimateRatio(m);
}

Inference Infer(const TestPlan& plan, const Difference& d, double alpha) {
  return plan.always_valid ? AlwaysValid(d, Alternative::kTwoSided, alpha, plan.tuning)
                           : FixedHorizon(d, Alternative::kTwoSided, alpha);
}

std::optional<EffectResult> EffectOf(const TestPlan& plan, const Figures& figures,
                                     size_t treatment) {
  const Result<Estimate> c = EstimateMetric(plan, figures.arms[0]);
  const Result<Estimate> t = EstimateMetric(plan, figures.arms[treatment]);
  if (!c.ok() || !t.ok()) {
    return std::nullopt;
  }
  const Result<Difference> absolute = Compare(*c, *t, Scale::kAbsolute);
  if (!absolute.ok()) {
    return std::nullopt;
  }
  const double alpha = plan.alpha / static_cast<double>(plan.arms.size() - 1);
  const Inference a = Infer(plan, *absolute, alpha);
  EffectResult e;
  e.arm = plan.arms[treatment].name;
  e.control = c->value;
  e.treatment = t->value;
  e.absolute = absolute->effect;
  e.absolute_low = *a.low;
  e.absolute_high = *a.high;
  e.p_value = a.p_value;
  const Result<Difference> relative = Compare(*c, *t, Scale::kRelative);
  if (relative.ok()) {
    const Inference r = Infer(plan, *relative, alpha);
    e.relative = relative->effect;
    e.relative_low = r.low;
    e.relative_high = r.high;
  }
  if (plan.metric.decrease) {  // turned so that more is better
    e.absolute = -e.absolute;
    std::tie(e.absolute_low, e.absolute_high) = std::pair(-e.absolute_high, -e.absolute_low);
    if (e.relative) {
      e.relative = -*e.relative;
      std::tie(e.relative_low, e.relative_high) = std::pair(-*e.relative_high, -*e.relative_low);
    }
  }
  return e;
}

void Judge(GuardrailResult& g) {
  if (g.low && *g.low > g.margin) {
    g.state = GuardrailState::kViolated;
  } else if (g.high && *g.high <= g.margin) {
    g.state = GuardrailState::kHolds;
  }
}

// Fallbacks per answer, units as clusters.
void JudgeErrors(const TestPlan& plan, const ArmFold& control, const ArmFold& treatment,
                 double alpha, GuardrailResult& g) {
  const Result<Estimate> c = EstimateRatio(control.errors.moments());
  const Result<Estimate> t = EstimateRatio(treatment.errors.moments());
  if (!c.ok() || !t.ok()) {
    return;
  }
  g.control = c->value;
  g.treatment = t->value;
  g.harm = t->value - c->value;
  const Result<Difference> d = Compare(*c, *t, Scale::kAbsolute);
  if (d.ok()) {
    const Inference i = Infer(plan, *d, alpha);
    g.low = i.low;
    g.high = i.high;
  } else {  // neither arm's figure varies: all or none of the answers failed
    g.low = g.harm;
    g.high = g.harm;
  }
  Judge(g);
}

// A quantile of latency between the quantiles of the levels q -+ w: since the share of answers
// below the true quantile is a mean with expectation q, a confidence sequence for that mean turned
// around covers the quantile at all times (Howard and Ramdas 2022, section 1). Answers are taken as
// independent.
void JudgeLatency(const TestPlan& plan, const ArmFold& control, const ArmFold& treatment,
                  double alpha, GuardrailResult& g) {
  const double q = g.kind == GuardrailKind::kP99 ? 0.99 : 0.5;
  struct Band {
    double low = 0;
    double high = 0;
    bool bounded = false;
  };
  const auto band = [&](const LatencyCounts& counts) {
    const auto n = static_cast<double>(counts.count());
    const double width = AlwaysValidWidth(n, alpha / 2, plan.tuning) * std::sqrt(q * (1 - q) / n);
    Band b;
    b.low = counts.Quantile(std::max(0.0, q - width));
    b.bounded = q + width < 1;
    b.high = counts.Quantile(std::min(1.0, q + width));
    return b;
  };
  const Band c = band(control.latency);
  const Band t = band(treatment.latency);
  g.control = control.latency.Quantile(q);
  g.treatment = treatment.latency.Quantile(q);
  if (!(*g.control > 0) || !(c.low > 0)) {
    return;
  }
  g.harm = *g.treatment / *g.control - 1;
  if (c.bounded) {
    g.low = t.low / c.high - 1;
  }
  if (t.bounded) {
    g.high = t.high / c.low - 1;
  }
  Judge(g);
}

std::vector<GuardrailResult> JudgeGuardrails(const TestPlan& plan, const Figures& figures,
                                             size_t treatment) {
  std::vector<GuardrailResult> results;
  // So that all of them together are right with 1 - alpha.
  const double alpha = -std::expm1(
      std::log1p(-plan.alpha) / static_cast<double>(std::max<size_t>(1, plan.guardrails.size())));
  const ArmFold& c = figures.arms[0];
  const ArmFold& t = figures.arms[treatment];
  const bool enough = std::min(c.errors.units(), t.errors.units()) >= kLeastGuardrailUnits &&
                      c.decisions > 0 && t.decisions > 0;
  for (const Guardrail& rule : plan.guardrails) {
    GuardrailResult g;
    g.kind = rule.kind;
    g.margin = rule.margin;
    if (enough && rule.kind == GuardrailKind::kErrorRate) {
      JudgeErrors(plan, c, t, alpha, g);
    } else if (enough) {
      JudgeLatency(plan, c, t, alpha, g);
    }
    results.push_back(g);
  }
  return results;
}

// The treatment that the verdict speaks of: the best that is shown to be better, else the one with
// most left to hope for.
size_t ChooseTreatment(const std::vector<std::optional<EffectResult>>& effects) {
  size_t chosen = 1;
  for (size_t i = 1; i < effects.size(); ++i) {
    if (!effects[i]) {
      continue;
    }
    if (!effects[chosen]) {
      chosen = i;
      continue;
    }
    const EffectResult& best = *effects[chosen];
    const EffectResult& other = *effects[i];
    const bool best_shown = best.absolute_low > 0;
    const bool other_shown = other.absolute_low > 0;
    if (best_shown != other_shown ? other_shown
                                  : (other_shown ? other.absolute > best.absolute
                                                 : other.absolute_high > best.absolute_high)) {
      chosen = i;
    }
  }
  return chosen;
}

VerdictReport Frame(const TestDefinition& definition, events::Cut cut) {
  const TestPlan& plan = definition.plan;
  VerdictReport r;
  r.test = plan.name;
  r.state = definition.state;
  r.metric = plan.metric.name;
  r.alpha = plan.alpha;
  r.always_valid = plan.always_valid;
  r.cut = cut;
  for (const serving::Arm& arm : plan.arms) {
    r.arms.push_back({arm.name, arm.model_ref, 0, 0, std::numeric_limits<double>::quiet_NaN()});
  }
  return r;
}

void FillSnapshot(const TestDefinition& definition, const Figures& figures, Snapshot& s) {
  const TestPlan& plan = definition.plan;
  std::vector<double> observed;
  std::vector<double> expected;
  uint64_t units = 0;
  s.least_units = std::numeric_limits<uint64_t>::max();
  for (size_t i = 0; i < plan.arms.size(); ++i) {
    const ArmFold& arm = figures.arms[i];
    observed.push_back(static_cast<double>(arm.outcome.units()));
    expected.push_back(plan.arms[i].weight);
    units += arm.outcome.units();
    s.least_units = std::min(s.least_units, arm.outcome.units());
    if (arm.mixed_versions) {
      s.mixed_versions = plan.arms[i].name;
    }
  }
  const RatioCheck check = CheckRatio(observed, expected).value_or(RatioCheck{});
  s.state = definition.state;
  s.always_valid = plan.always_valid;
  s.srm_p = check.p_value;
  s.srm_always_valid_p = check.always_valid_p_value;
  s.moved_units = figures.moved_units;
  const auto met = static_cast<double>(units + s.moved_units);
  s.moved_share = met > 0 ? static_cast<double>(s.moved_units) / met : 0;
  s.wrong_arm = figures.wrong_arm;
  s.min_units = plan.min_units;
  s.horizon = figures.horizon;
  s.min_effect = plan.min_effect;
  s.min_effect_relative = plan.min_effect_relative;
}

}  // namespace

VerdictReport PlannedReport(const TestDefinition& definition, events::Cut cut) {
  VerdictReport r = Frame(definition, cut);
  Snapshot s;
  s.state = TestState::kPlanned;
  r.decision = Decide(s);
  return r;
}

VerdictReport MakeReport(const TestDefinition& definition, const Figures& figures,
                         events::Cut cut) {
  const TestPlan& plan = definition.plan;
  VerdictReport r = Frame(definition, cut);
  Snapshot s;
  FillSnapshot(definition, figures, s);
  std::vector<std::optional<EffectResult>> effects(1);
  for (size_t i = 1; i < plan.arms.size(); ++i) {
    effects.push_back(EffectOf(plan, figures, i));
  }
  const size_t chosen = ChooseTreatment(effects);
  s.effect = effects[chosen];
  s.guardrails = JudgeGuardrails(plan, figures, chosen);
  r.decision = Decide(s);
  const bool invalid = r.decision.verdict == Verdict::kInvalid;
  if (!invalid) {  // no figure of an invalid test is shown
    r.effect = s.effect;
    r.guardrails = s.guardrails;
  }
  r.srm_p = s.srm_p;
  r.srm_always_valid_p = s.srm_always_valid_p;
  r.srm_warning = s.srm_p < kMismatchWarning;
  for (size_t i = 0; i < plan.arms.size(); ++i) {
    r.arms[i].units = figures.arms[i].outcome.units();
    r.arms[i].decisions = figures.arms[i].decisions;
    const Result<Estimate> metric = EstimateMetric(plan, figures.arms[i]);
    if (metric.ok() && !invalid) {
      r.arms[i].metric = metric->value;
    }
  }
  r.moved_units = figures.moved_units;
  r.feedback = figures.feedback;
  r.late_feedback = figures.late;
  r.foreign_feedback = figures.foreign;
  return r;
}

const VerdictReport::ArmReport* VerdictReport::winner() const {
  if (decision.verdict != Verdict::kShip || !effect) {
    return nullptr;
  }
  for (const ArmReport& arm : arms) {
    if (arm.name == effect->arm) {
      return &arm;
    }
  }
  return nullptr;
}

namespace {

void WriteOptional(JsonWriter& w, std::string_view key, const std::optional<double>& v) {
  w.Key(key);
  if (v) {
    w.Double(*v);
  } else {
    w.Null();
  }
}

void WriteEffect(JsonWriter& w, const VerdictReport& r) {
  if (!r.effect) {
    w.Key("effect").Null().Key("interval").Null();
    return;
  }
  const EffectResult& e = *r.effect;
  w.Key("effect")
      .BeginObject()
      .Field("arm", e.arm)
      .Field("control", e.control)
      .Field("treatment", e.treatment);
  w.Field("absolute", e.absolute);
  WriteOptional(w, "relative", e.relative);
  w.Field("p_value", e.p_value).EndObject();
  w.Key("interval").BeginObject().Field("level", 1 - r.alpha).Field("always_valid", r.always_valid);
  w.Key("absolute")
      .BeginArray()
      .Double(e.absolute_low)
      .Double(e.absolute_high)
      .EndArray()
      .Key("relative");
  if (e.relative) {
    w.BeginArray().Double(*e.relative_low).Double(*e.relative_high).EndArray();
  } else {
    w.Null();
  }
  w.EndObject();
}

}  // namespace

std::string VerdictJson(const VerdictReport& r) {
  JsonWriter w;
  w.BeginObject().Field("test", r.test).Field("state", StateName(r.state));
  w.Field("verdict", VerdictName(r.decision.verdict))
      .Field("reason", r.decision.reason)
      .Field("stop", r.decision.stop);
  w.Field("metric", r.metric);
  WriteEffect(w, r);
  w.Key("srm")
      .BeginObject()
      .Field("p_value", r.srm_p)
      .Field("always_valid_p_value", r.srm_always_valid_p);
  w.Field("warning", r.srm_warning).EndObject();
  w.Key("guardrails").BeginArray();
  for (const GuardrailResult& g : r.guardrails) {
    w.BeginObject().Field("metric", GuardrailName(g.kind)).Field("margin", g.margin);
    WriteOptional(w, "control", g.control);
    WriteOptional(w, "treatment", g.treatment);
    WriteOptional(w, "harm", g.harm);
    w.Key("interval").BeginArray();
    for (const std::optional<double>& end : {g.low, g.high}) {
      w.Double(end.value_or(std::numeric_limits<double>::quiet_NaN()));  // written as null
    }
    w.EndArray().Field("state", GuardrailStateName(g.state)).EndObject();
  }
  w.EndArray().Key("units").BeginObject();
  for (const VerdictReport::ArmReport& arm : r.arms) {
    w.Field(arm.name, arm.units);
  }
  w.EndObject().Key("arms").BeginArray();
  for (const VerdictReport::ArmReport& arm : r.arms) {
    w.BeginObject().Field("name", arm.name).Field("model", arm.model_ref).Field("units", arm.units);
    w.Field("decisions", arm.decisions).Field("metric", arm.metric).EndObject();
  }
  w.EndArray()
      .Field("moved_units", r.moved_units)
      .Key("feedback")
      .BeginObject()
      .Field("counted", r.feedback);
  w.Field("late", r.late_feedback)
      .Field("foreign", r.foreign_feedback)
      .Field("lost", r.lost_feedback)
      .EndObject();
  if (r.file.empty()) {
    w.Field("cut", r.cut.ToString());
  } else {
    w.Field("file", r.file).Field("rows", r.rows);
  }
  w.EndObject();
  return w.Take();
}

}  // namespace hoego::abtest
