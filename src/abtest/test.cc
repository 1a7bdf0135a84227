#include "abtest/test.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "abtest/effects.h"
#include "abtest/internal/json_fields.h"
#include "abtest/power.h"
#include "abtest/sequential.h"
#include "base/clock.h"
#include "base/text.h"

namespace hoego::abtest {
namespace {

using internal::CheckFields;
using internal::ShareOr;
using internal::WordOr;

constexpr size_t kMostArms = 8;
constexpr size_t kMostGuardrails = 8;
constexpr size_t kMostNameBytes = 128;
constexpr double kMostUnits = 1e15;

// What callers send is checked field by field, so that a misspelt one is not taken as absent. What
// the log holds may be of a newer program: fields it does not know are left alone.
enum class Unknown { kRefuse, kIgnore };

Status CheckNames(JsonRef json, std::string_view where, Unknown unknown,
                  std::initializer_list<std::string_view> known) {
  return unknown == Unknown::kRefuse ? CheckFields(json, where, known) : Status();
}

struct GuardrailWord {
  GuardrailKind kind;
  std::string_view name;
};
constexpr std::array<GuardrailWord, 3> kGuardrails = {{{GuardrailKind::kErrorRate, "error_rate"},
                                                       {GuardrailKind::kP50, "p50"},
                                                       {GuardrailKind::kP99, "p99"}}};

Status CheckName(std::string_view what, std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  };
  if (name.empty() || name.size() > kMostNameBytes ||
      !std::all_of(name.begin(), name.end(), fits)) {
    return Status::InvalidArgument(
        fmt::format("{}: \"{}\", expected 1 to {} letters, digits, '-', '_' or '.'", what,
                    name.substr(0, kMostNameBytes), kMostNameBytes));
  }
  return {};
}

Result<std::chrono::milliseconds> DurationOr(JsonRef json, std::string_view key,
                                             std::chrono::milliseconds fallback) {
  HOEGO_TRY_ASSIGN(const std::string text, json.StringOr(key, ""));
  if (text.empty()) {
    return fallback;
  }
  Result<int64_t> ms = ParseDurationMs(text);
  if (!ms.ok()) {
    return ms.status().Within(fmt::format("field \"{}\"", key));
  }
  if (*ms <= 0) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": \"{}\", expected a time above 0", key, text));
  }
  return std::chrono::milliseconds(*ms);
}

// A whole number from 0 on; absent or null gives the fallback.
Result<uint64_t> CountOr(JsonRef json, std::string_view key, uint64_t fallback) {
  HOEGO_TRY_ASSIGN(const int64_t v, json.IntOr(key, static_cast<int64_t>(fallback)));
  if (v < 0) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": {}, expected a whole number from 0 on", key, v));
  }
  return static_cast<uint64_t>(v);
}

Result<std::optional<double>> NumberOrNothing(JsonRef json, std::string_view key) {
  const std::optional<JsonRef> field = json.Find(key);
  if (!field || field->is_null()) {
    return std::optional<double>();
  }
  HOEGO_TRY_ASSIGN(const double v, json.RequireDouble(key));
  return std::optional<double>(v);
}

Status ReadArms(JsonRef json, Unknown unknown, TestPlan& plan) {
  const std::optional<JsonRef> arms = json.Find("arms");
  if (!arms || !arms->is_array()) {
    return Status::InvalidArgument(
        "field \"arms\": expected an array of {\"name\",\"model\",\"weight\"}");
  }
  const Status read = arms->ForEachElement([&](JsonRef one) -> Status {
    HOEGO_TRY(CheckNames(one, "arms", unknown, {"name", "model", "weight"}));
    serving::Arm arm;
    HOEGO_TRY_ASSIGN(arm.name, one.RequireString("name"));
    HOEGO_TRY(CheckName("arms: name", arm.name));
    HOEGO_TRY_ASSIGN(arm.model_ref, one.RequireString("model"));
    HOEGO_TRY_ASSIGN(arm.weight, one.DoubleOr("weight", 1));
    if (!(arm.weight > 0) || std::isinf(arm.weight)) {
      return Status::InvalidArgument(fmt::format(
          "arms: weight {} of \"{}\", expected a number above 0", arm.weight, arm.name));
    }
    for (const serving::Arm& other : plan.arms) {
      if (other.name == arm.name) {
        return Status::InvalidArgument(fmt::format("arms: \"{}\" is there twice", arm.name));
      }
    }
    plan.arms.push_back(std::move(arm));
    return {};
  });
  HOEGO_TRY(read);
  if (plan.arms.size() < 2 || plan.arms.size() > kMostArms) {
    return Status::InvalidArgument(
        fmt::format("arms: {} of them, expected 2 to {}", plan.arms.size(), kMostArms));
  }
  return {};
}

Result<Metric> ReadMetric(JsonRef json, Unknown unknown) {
  const std::optional<JsonRef> field = json.Find("metric");
  if (!field) {
    return Status::InvalidArgument(
        "field \"metric\": expected {\"name\",\"kind\",\"event\",\"window\"}, got nothing");
  }
  HOEGO_TRY(CheckNames(*field, "metric", unknown,
                       {"name", "kind", "event", "window", "of", "direction"}));
  Metric m;
  HOEGO_TRY_ASSIGN(m.name, field->RequireString("name"));
  HOEGO_TRY(CheckName("metric: name", m.name));
  HOEGO_TRY_ASSIGN(const std::string kind, WordOr(*field, "kind", {"conversion", "mean", "ratio"}));
  m.kind = kind == "mean"    ? MetricKind::kMean
           : kind == "ratio" ? MetricKind::kRatio
                             : MetricKind::kConversion;
  HOEGO_TRY_ASSIGN(m.event, field->RequireString("event"));
  HOEGO_TRY_ASSIGN(m.window, DurationOr(*field, "window", m.window));
  HOEGO_TRY_ASSIGN(const std::string of, WordOr(*field, "of", {"events", "value"}));
  m.values = of == "value";
  HOEGO_TRY_ASSIGN(const std::string direction,
                   WordOr(*field, "direction", {"increase", "decrease"}));
  m.decrease = direction == "decrease";
  if (m.values && m.kind == MetricKind::kConversion) {
    return Status::InvalidArgument(
        "metric: a conversion counts units, \"of\":\"value\" does not go with it");
  }
  return m;
}

Status ReadGuardrails(JsonRef json, Unknown unknown, TestPlan& plan) {
  const std::optional<JsonRef> field = json.Find("guardrails");
  if (!field || field->is_null()) {
    return {};
  }
  if (!field->is_array()) {
    return Status::InvalidArgument(
        "field \"guardrails\": expected an array of {\"metric\",\"margin\"}");
  }
  return field->ForEachElement([&](JsonRef one) -> Status {
    HOEGO_TRY(CheckNames(one, "guardrails", unknown, {"metric", "margin"}));
    HOEGO_TRY_ASSIGN(const std::string name, one.RequireString("metric"));
    const auto known = std::find_if(kGuardrails.begin(), kGuardrails.end(),
                                    [&](const GuardrailWord& w) { return w.name == name; });
    if (known == kGuardrails.end()) {
      return Status::Unimplemented(fmt::format(
          "guardrails: \"{}\" is not supported yet, known are error_rate, p50 and p99", name));
    }
    Guardrail g;
    g.kind = known->kind;
    HOEGO_TRY_ASSIGN(g.margin, one.RequireDouble("margin"));
    if (!(g.margin >= 0) || std::isinf(g.margin)) {
      return Status::InvalidArgument(
          fmt::format("guardrails: margin {} of {}, expected a number from 0 on", g.margin, name));
    }
    plan.guardrails.push_back(g);
    if (plan.guardrails.size() > kMostGuardrails) {
      return Status::InvalidArgument(fmt::format("guardrails: more than {}", kMostGuardrails));
    }
    return {};
  });
}

Status ReadMethod(JsonRef json, Unknown unknown, TestPlan& plan) {
  const std::optional<JsonRef> method = json.Find("method");
  if (method && !method->is_null()) {
    HOEGO_TRY(CheckNames(*method, "method", unknown, {"always_valid", "alpha", "power", "tuning"}));
    HOEGO_TRY_ASSIGN(plan.always_valid, method->BoolOr("always_valid", true));
    HOEGO_TRY_ASSIGN(plan.alpha, ShareOr(*method, "alpha", plan.alpha));
    HOEGO_TRY_ASSIGN(plan.power, ShareOr(*method, "power", plan.power));
    HOEGO_TRY_ASSIGN(plan.tuning, method->DoubleOr("tuning", 0));
  } else {
    plan.tuning = 0;
  }
  if (plan.alpha > 0.5) {
    return Status::InvalidArgument(
        fmt::format("method: alpha {}, expected at most 0.5", plan.alpha));
  }
  if (!(plan.tuning >= 0 && plan.tuning <= kMostUnits)) {
    return Status::InvalidArgument(
        fmt::format("method: tuning {}, expected a number of units", plan.tuning));
  }
  HOEGO_TRY_ASSIGN(plan.min_effect, json.DoubleOr("min_effect", plan.min_effect));
  HOEGO_TRY_ASSIGN(const std::string scale,
                   WordOr(json, "min_effect_scale", {"relative", "absolute"}));
  plan.min_effect_relative = scale == "relative";
  if (!(plan.min_effect >= 0) || std::isinf(plan.min_effect)) {
    return Status::InvalidArgument(
        fmt::format("field \"min_effect\": {}, expected a number from 0 on", plan.min_effect));
  }
  return {};
}

Status ReadHorizon(JsonRef json, Unknown unknown, TestPlan& plan) {
  const std::optional<JsonRef> stop = json.Find("stop");
  if (stop && !stop->is_null()) {
    HOEGO_TRY(CheckNames(*stop, "stop", unknown, {"max_units", "max_duration"}));
    HOEGO_TRY_ASSIGN(plan.max_units, CountOr(*stop, "max_units", 0));
    HOEGO_TRY_ASSIGN(plan.max_duration, DurationOr(*stop, "max_duration", plan.max_duration));
  }
  HOEGO_TRY_ASSIGN(plan.min_units, CountOr(json, "min_units", plan.min_units));
  if (plan.min_units < 2) {
    return Status::InvalidArgument(
        fmt::format("field \"min_units\": {}, expected at least 2", plan.min_units));
  }
  if (!plan.always_valid && plan.max_units == 0 && plan.max_duration.count() == 0) {
    return Status::InvalidArgument(
        "stop: a test that is not always valid needs max_units or max_duration, its fixed horizon");
  }
  return {};
}

// The chance and size of the test, as far as what is known allows.
void FillPower(TestPlan& plan) {
  const double share_c = plan.arm_share(0);
  const double share_t = plan.arm_share(1);
  const double alpha = plan.alpha / static_cast<double>(plan.arms.size() - 1);
  std::optional<double> variance = plan.variance;
  double moved_variance = plan.variance.value_or(0);
  const double effect =
      plan.baseline ? (plan.min_effect_relative ? plan.min_effect * std::fabs(*plan.baseline)
                                                : plan.min_effect)
                    : 0;
  if (plan.metric.kind == MetricKind::kConversion && plan.baseline) {
    variance = ConversionVariance(*plan.baseline);
    const double moved = plan.metric.decrease ? *plan.baseline - effect : *plan.baseline + effect;
    moved_variance = ConversionVariance(std::clamp(moved, 0.0, 1.0));
  }
  const bool known = variance && *variance > 0 && effect > 0;
  if (known) {
    const double width = plan.always_valid ? AlwaysValidWidth(1, alpha, 1) : 0;
    const double pair = UnitsNeeded(plan.power, effect, *variance, share_c, moved_variance, share_t,
                                    Alternative::kTwoSided, alpha, width);
    plan.needed_units = static_cast<uint64_t>(std::ceil(std::min(pair, kMostUnits)));
  }
  if (plan.tuning == 0) {
    const uint64_t size = plan.needed_units != 0     ? plan.needed_units
                          : plan.expected_units != 0 ? plan.expected_units
                                                     : plan.max_units;
    plan.tuning = size != 0 ? static_cast<double>(size) * (share_c + share_t) : 5000;
  }
  const auto n =
      static_cast<double>(plan.expected_units != 0 ? plan.expected_units : plan.max_units);
  if (known && n > 0) {
    const double both = n * (share_c + share_t);
    const double width = plan.always_valid ? AlwaysValidWidth(both, alpha, plan.tuning) : 0;
    plan.expected_power = Power(effect, *variance, n * share_c, moved_variance, n * share_t,
                                Alternative::kTwoSided, alpha, width);
  }
}

Result<TestPlan> ReadPlan(JsonRef json, Unknown unknown) {
  HOEGO_TRY(CheckNames(json, "test", unknown,
                       {"name", "endpoint", "kind", "arms", "metric", "guardrails", "method",
                        "min_effect", "min_effect_scale", "seed", "hash_version", "coverage",
                        "stop", "min_units", "baseline", "variance", "expected_units", "power"}));
  TestPlan plan;
  HOEGO_TRY_ASSIGN(plan.name, json.RequireString("name"));
  HOEGO_TRY(CheckName("field \"name\"", plan.name));
  HOEGO_TRY_ASSIGN(plan.endpoint, json.RequireString("endpoint"));
  HOEGO_TRY(CheckName("field \"endpoint\"", plan.endpoint));
  HOEGO_TRY_ASSIGN(const std::string kind,
                   WordOr(json, "kind", {"ab", "interleaving", "shadow", "canary", "bandit"}));
  if (kind != "ab") {
    return Status::Unimplemented(
        fmt::format("field \"kind\": \"{}\" is not supported yet, only ab is", kind));
  }
  HOEGO_TRY(ReadArms(json, unknown, plan));
  HOEGO_TRY_ASSIGN(plan.metric, ReadMetric(json, unknown));
  HOEGO_TRY(ReadGuardrails(json, unknown, plan));
  HOEGO_TRY(ReadMethod(json, unknown, plan));
  HOEGO_TRY(ReadHorizon(json, unknown, plan));
  HOEGO_TRY_ASSIGN(plan.seed, json.StringOr("seed", plan.name));
  HOEGO_TRY_ASSIGN(const int64_t version, json.IntOr("hash_version", 2));
  if (version != 1 && version != 2) {
    return Status::InvalidArgument(
        fmt::format("field \"hash_version\": {}, expected 2, or 1 for imported tests", version));
  }
  plan.hash_version = static_cast<int>(version);
  HOEGO_TRY_ASSIGN(plan.coverage, json.DoubleOr("coverage", 1));
  if (!(plan.coverage > 0 && plan.coverage <= 1)) {
    return Status::InvalidArgument(
        fmt::format("field \"coverage\": {}, expected 0 < coverage <= 1", plan.coverage));
  }
  HOEGO_TRY_ASSIGN(plan.baseline, NumberOrNothing(json, "baseline"));
  HOEGO_TRY_ASSIGN(plan.variance, NumberOrNothing(json, "variance"));
  if (plan.metric.kind == MetricKind::kConversion && plan.baseline &&
      !(*plan.baseline >= 0 && *plan.baseline <= 1)) {
    return Status::InvalidArgument(
        fmt::format("field \"baseline\": a conversion of {}, expected 0 to 1", *plan.baseline));
  }
  if (plan.variance && !(*plan.variance >= 0)) {
    return Status::InvalidArgument(
        fmt::format("field \"variance\": {}, expected a number from 0 on", *plan.variance));
  }
  HOEGO_TRY_ASSIGN(plan.expected_units, CountOr(json, "expected_units", 0));
  FillPower(plan);
  return plan;
}

void WriteMetric(JsonWriter& w, const Metric& m) {
  constexpr std::array<const char*, 4> kKinds = {"", "conversion", "mean", "ratio"};
  w.BeginObject()
      .Field("name", m.name)
      .Field("kind", kKinds[static_cast<size_t>(m.kind)])
      .Field("event", m.event);
  w.Field("of", m.values ? "value" : "events")
      .Field("direction", m.decrease ? "decrease" : "increase");
  w.Field("window", fmt::format("{}ms", m.window.count())).EndObject();
}

}  // namespace

std::string_view GuardrailName(GuardrailKind kind) {
  for (const GuardrailWord& word : kGuardrails) {
    if (word.kind == kind) {
      return word.name;
    }
  }
  return "unknown";
}

Assignment TestPlan::assignment() const {
  std::vector<double> weights;
  for (size_t i = 0; i < arms.size(); ++i) {
    weights.push_back(arm_share(i));
  }
  return {seed, hash_version, BucketRanges(static_cast<int>(arms.size()), coverage, weights)};
}

double TestPlan::arm_share(size_t arm) const {
  double sum = 0;
  for (const serving::Arm& a : arms) {
    sum += a.weight;
  }
  return arms[arm].weight / sum;
}

Result<TestPlan> ParsePlan(JsonRef json) {
  return ReadPlan(json, Unknown::kRefuse);
}

Result<TestPlan> ParsePlan(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(json));
  return ParsePlan(root);
}

std::string PlanJson(const TestPlan& plan) {
  JsonWriter w;
  w.BeginObject()
      .Field("name", plan.name)
      .Field("endpoint", plan.endpoint)
      .Field("kind", "ab")
      .Key("arms")
      .BeginArray();
  for (const serving::Arm& arm : plan.arms) {
    w.BeginObject()
        .Field("name", arm.name)
        .Field("model", arm.model_ref)
        .Field("weight", arm.weight)
        .EndObject();
  }
  w.EndArray().Key("metric");
  WriteMetric(w, plan.metric);
  w.Key("guardrails").BeginArray();
  for (const Guardrail& g : plan.guardrails) {
    w.BeginObject().Field("metric", GuardrailName(g.kind)).Field("margin", g.margin).EndObject();
  }
  w.EndArray().Key("method").BeginObject();
  w.Field("always_valid", plan.always_valid).Field("alpha", plan.alpha).Field("power", plan.power);
  w.Field("tuning", plan.tuning).EndObject();
  w.Field("min_effect", plan.min_effect)
      .Field("min_effect_scale", plan.min_effect_relative ? "relative" : "absolute");
  w.Field("seed", plan.seed)
      .Field("hash_version", plan.hash_version)
      .Field("coverage", plan.coverage);
  w.Key("stop").BeginObject().Field("max_units", plan.max_units);
  if (plan.max_duration.count() > 0) {
    w.Field("max_duration", fmt::format("{}ms", plan.max_duration.count()));
  }
  w.EndObject().Field("min_units", plan.min_units);
  if (plan.baseline) {
    w.Field("baseline", *plan.baseline);
  }
  if (plan.variance) {
    w.Field("variance", *plan.variance);
  }
  w.Field("expected_units", plan.expected_units);
  w.Key("power").BeginObject().Field("needed_units", plan.needed_units);
  if (plan.expected_power) {
    w.Field("expected", *plan.expected_power);
  }
  w.EndObject().EndObject();
  return w.Take();
}

std::string_view StateName(TestState state) {
  constexpr std::array<std::string_view, 6> kNames = {"",        "planned", "running",
                                                      "stopped", "shipped", "rolled_back"};
  return kNames[static_cast<size_t>(state)];
}

std::optional<TestState> ParseState(std::string_view name) {
  for (const TestState state : kAllTestStates) {
    if (StateName(state) == name) {
      return state;
    }
  }
  return std::nullopt;
}

Result<TestDefinition> ParseDefinition(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(json));
  HOEGO_TRY_ASSIGN(const int64_t format, root.RequireInt("format"));
  if (format != 1) {
    return Status::FailedPrecondition(
        fmt::format("test definition: format {}, newest known 1", format));
  }
  const std::optional<JsonRef> plan = root.Find("plan");
  if (!plan) {
    return Status::DataLoss("test definition: it has no plan");
  }
  TestDefinition d;
  HOEGO_TRY_ASSIGN(d.plan, ReadPlan(*plan, Unknown::kIgnore));
  HOEGO_TRY_ASSIGN(const std::string state, root.RequireString("state"));
  const std::optional<TestState> known = ParseState(state);
  if (!known) {
    return Status::DataLoss(fmt::format("test definition: state \"{}\" is unknown", state));
  }
  d.state = *known;
  HOEGO_TRY_ASSIGN(d.reason, root.StringOr("reason", ""));
  HOEGO_TRY_ASSIGN(const std::string changed, root.RequireString("changed"));
  HOEGO_TRY_ASSIGN(d.changed, ParseTime(changed));
  return d;
}

std::string DefinitionJson(const TestDefinition& definition) {
  JsonWriter w;
  w.BeginObject().Field("format", 1).Key("plan").Raw(PlanJson(definition.plan));
  w.Field("state", StateName(definition.state)).Field("reason", definition.reason);
  w.Field("changed", FormatTime(definition.changed)).EndObject();
  return w.Take();
}

}  // namespace hoego::abtest
