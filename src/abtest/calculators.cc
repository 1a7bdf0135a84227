#include "abtest/calculators.h"

#include <fmt/format.h>

#include <cmath>
#include <optional>
#include <vector>

#include "abtest/assignment.h"
#include "abtest/bandit_weights.h"
#include "abtest/internal/effect_calculator.h"
#include "abtest/internal/json_fields.h"
#include "abtest/multiple.h"
#include "abtest/power.h"
#include "abtest/ratio_check.h"
#include "base/json.h"

namespace hoego::abtest {
namespace {

using internal::CheckFields;
using internal::RequireNumbers;
using internal::ShareOr;
using internal::WordOr;

Result<std::string> CalculateSrm(JsonRef body) {
  HOEGO_TRY(CheckFields(body, "body", {"observed", "expected", "alpha"}));
  HOEGO_TRY_ASSIGN(const std::vector<double> observed, RequireNumbers(body, "observed"));
  HOEGO_TRY_ASSIGN(const std::vector<double> expected, RequireNumbers(body, "expected"));
  HOEGO_TRY_ASSIGN(const double alpha, ShareOr(body, "alpha", kMismatch));
  HOEGO_TRY_ASSIGN(const RatioCheck check, CheckRatio(observed, expected));
  JsonWriter w;
  w.BeginObject()
      .Field("p_value", check.p_value)
      .Field("always_valid_p_value", check.always_valid_p_value);
  w.Field("alarm", check.p_value < alpha)
      .Field("warning", check.p_value < kMismatchWarning)
      .EndObject();
  return w.Take();
}

void WriteNumbers(JsonWriter& w, std::string_view key, const std::vector<double>& numbers) {
  w.Key(key).BeginArray();
  for (const double v : numbers) {
    w.Double(v);
  }
  w.EndArray();
}

Result<std::string> CalculateAdjusted(JsonRef body) {
  HOEGO_TRY(CheckFields(body, "body", {"p_values", "method"}));
  HOEGO_TRY_ASSIGN(const std::vector<double> p_values, RequireNumbers(body, "p_values"));
  HOEGO_TRY_ASSIGN(const std::string method, body.RequireString("method"));
  HOEGO_TRY_ASSIGN(const std::vector<double> adjusted, AdjustPValues(p_values, method));
  JsonWriter w;
  w.BeginObject();
  WriteNumbers(w, "adjusted", adjusted);
  w.EndObject();
  return w.Take();
}

Result<std::string> CalculateBanditWeights(JsonRef body) {
  HOEGO_TRY(CheckFields(body, "body", {"means", "standard_errors", "floor"}));
  HOEGO_TRY_ASSIGN(const std::vector<double> means, RequireNumbers(body, "means"));
  HOEGO_TRY_ASSIGN(const std::vector<double> errors, RequireNumbers(body, "standard_errors"));
  HOEGO_TRY_ASSIGN(const double floor, body.DoubleOr("floor", 0));
  HOEGO_TRY_ASSIGN(const std::vector<double> weights, BestArmWeights(means, errors, floor));
  JsonWriter w;
  w.BeginObject();
  WriteNumbers(w, "weights", weights);
  w.EndObject();
  return w.Take();
}

struct PowerRequest {
  double mean = 1;
  bool relative = false;
  bool conversion = false;
  double variance = 0;
  Alternative alternative = Alternative::kTwoSided;
  double alpha = 0.05;
  std::optional<double> effect;
  std::optional<double> power;
  std::optional<std::vector<double>> n;
};

Result<std::optional<double>> OptionalNumber(JsonRef body, std::string_view key) {
  const std::optional<JsonRef> field = body.Find(key);
  if (!field || field->is_null()) {
    return std::optional<double>();
  }
  HOEGO_TRY_ASSIGN(const double v, body.RequireDouble(key));
  return std::optional<double>(v);
}

Result<PowerRequest> ReadPower(JsonRef body) {
  HOEGO_TRY(CheckFields(
      body, "body",
      {"kind", "mean", "variance", "difference", "alternative", "alpha", "n", "effect", "power"}));
  PowerRequest r;
  HOEGO_TRY_ASSIGN(const std::string kind, WordOr(body, "kind", {"mean", "proportion"}));
  r.conversion = kind == "proportion";
  HOEGO_TRY_ASSIGN(r.mean, r.conversion ? body.RequireDouble("mean") : body.DoubleOr("mean", 1));
  HOEGO_TRY_ASSIGN(const std::string difference,
                   WordOr(body, "difference", {"absolute", "relative"}));
  r.relative = difference == "relative";
  HOEGO_TRY_ASSIGN(const std::string alternative,
                   WordOr(body, "alternative", {"two-sided", "greater", "less"}));
  r.alternative = alternative == "two-sided" ? Alternative::kTwoSided : Alternative::kGreater;
  HOEGO_TRY_ASSIGN(r.alpha, ShareOr(body, "alpha", 0.05));
  HOEGO_TRY_ASSIGN(r.effect, OptionalNumber(body, "effect"));
  HOEGO_TRY_ASSIGN(r.power, OptionalNumber(body, "power"));
  if (r.conversion && !(r.mean > 0 && r.mean < 1)) {
    return Status::InvalidArgument(
        fmt::format("field \"mean\": a proportion of {}, expected 0 < mean < 1", r.mean));
  }
  HOEGO_TRY_ASSIGN(r.variance, r.conversion ? body.DoubleOr("variance", ConversionVariance(r.mean))
                                            : body.RequireDouble("variance"));
  if (!(r.variance > 0) || std::isinf(r.variance)) {
    return Status::InvalidArgument(fmt::format(
        "field \"variance\": {} is out of range, expected a number above 0", r.variance));
  }
  if (r.power && !(*r.power > r.alpha && *r.power < 1)) {
    return Status::InvalidArgument(
        fmt::format("field \"power\": {} is out of range, expected alpha < power < 1", *r.power));
  }
  if (r.relative && !(std::fabs(r.mean) > 0)) {
    return Status::InvalidArgument("field \"mean\": 0, a relative effect needs another");
  }
  if (const std::optional<JsonRef> n = body.Find("n"); n && !n->is_null()) {
    HOEGO_TRY_ASSIGN(r.n, RequireNumbers(body, "n"));
    if (r.n->size() != 2 || !((*r.n)[0] > 0 && (*r.n)[1] > 0)) {
      return Status::InvalidArgument("field \"n\": expected the units of two arms, both above 0");
    }
  }
  return r;
}

Result<std::string> CalculatePower(JsonRef body) {
  HOEGO_TRY_ASSIGN(const PowerRequest r, ReadPower(body));
  const double unit =
      r.relative ? std::fabs(r.mean) : 1;  // what an effect of 1 is in absolute terms
  const double effect = r.effect ? std::fabs(*r.effect) * unit : 0;
  const double moved = r.mean + (r.effect ? *r.effect * unit : 0);
  if (r.conversion && !(moved >= 0 && moved <= 1)) {
    return Status::InvalidArgument(
        fmt::format("field \"effect\": moves the proportion to {}, expected 0 to 1", moved));
  }
  const double treatment_variance = r.conversion ? ConversionVariance(moved) : r.variance;
  const int given = (r.effect ? 1 : 0) + (r.power ? 1 : 0) + (r.n ? 1 : 0);
  if (given != 2) {
    return Status::InvalidArgument(fmt::format(
        "{} of n, effect and power are given, expected two: the third is computed", given));
  }
  JsonWriter w;
  w.BeginObject();
  if (!r.power) {
    w.Field("power", Power(effect, r.variance, (*r.n)[0], treatment_variance, (*r.n)[1],
                           r.alternative, r.alpha));
  } else if (!r.effect) {
    const double mde = MinimalEffect(*r.power, r.variance, (*r.n)[0], treatment_variance, (*r.n)[1],
                                     r.alternative, r.alpha);
    w.Field("mde", mde / unit);
  } else {
    if (effect == 0) {
      return Status::InvalidArgument("field \"effect\": 0, no number of units shows that");
    }
    const double units = UnitsNeeded(*r.power, effect, r.variance, 0.5, treatment_variance, 0.5,
                                     r.alternative, r.alpha);
    w.Field("n_per_arm", std::ceil(units / 2));
  }
  w.EndObject();
  return w.Take();
}

// The unit's id: text, or a number, which hashes as its decimal text.
Result<std::string> ReadUnit(JsonRef body) {
  const std::optional<JsonRef> value = body.Find("value");
  if (value && value->is_string()) {
    return std::string(*value->AsString());
  }
  if (value && value->is_number()) {
    const std::optional<int64_t> whole = value->AsInt();
    return whole ? std::to_string(*whole) : value->ToText();
  }
  return Status::InvalidArgument(
      fmt::format("field \"value\": expected a string or a number, got {}",
                  value ? value->kind_name() : "nothing"));
}

Result<std::string> CalculateAssignment(JsonRef body) {
  HOEGO_TRY(CheckFields(body, "body", {"hash_version", "seed", "value", "weights", "coverage"}));
  HOEGO_TRY_ASSIGN(const int64_t version, body.IntOr("hash_version", 2));
  HOEGO_TRY_ASSIGN(const std::string seed, body.RequireString("seed"));
  HOEGO_TRY_ASSIGN(const std::string value, ReadUnit(body));
  HOEGO_TRY_ASSIGN(const std::vector<double> weights, RequireNumbers(body, "weights"));
  HOEGO_TRY_ASSIGN(const double coverage, body.DoubleOr("coverage", 1));
  for (const double weight : weights) {
    if (weight < 0) {
      return Status::InvalidArgument(fmt::format("field \"weights\": {} is negative", weight));
    }
  }
  const std::optional<double> n =
      HashUnit(seed, value, version == 1 || version == 2 ? static_cast<int>(version) : 0);
  JsonWriter w;
  w.BeginObject().Key("n");
  if (n) {
    w.Double(*n);
  } else {
    w.Null();
  }
  const int arm =
      n ? ChooseArm(*n, BucketRanges(static_cast<int>(weights.size()), coverage, weights)) : -1;
  w.Field("arm", arm).EndObject();
  return w.Take();
}

}  // namespace

Result<std::string> Calculate(std::string_view path, std::string_view body) {
  using Function = Result<std::string> (*)(JsonRef);
  struct Entry {
    std::string_view path;
    Function calculate;
  };
  constexpr Entry kEntries[] = {{"/v1/statistics:effect", internal::CalculateEffect},
                                {"/v1/statistics:srm", CalculateSrm},
                                {"/v1/statistics:adjust", CalculateAdjusted},
                                {"/v1/statistics:power", CalculatePower},
                                {"/v1/statistics:bandit_weights", CalculateBanditWeights},
                                {"/v1/assign", CalculateAssignment}};
  for (const Entry& entry : kEntries) {
    if (entry.path == path) {
      JsonParser parser;
      HOEGO_TRY_ASSIGN(const JsonRef json, parser.Parse(body));
      return entry.calculate(json);
    }
  }
  return Status::NotFound(fmt::format("no calculator answers at {}", path));
}

}  // namespace hoego::abtest
