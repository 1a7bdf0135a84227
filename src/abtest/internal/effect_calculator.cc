#include "abtest/internal/effect_calculator.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "abtest/adjusted.h"
#include "abtest/bayes.h"
#include "abtest/effects.h"
#include "abtest/internal/json_fields.h"
#include "abtest/quantile.h"
#include "abtest/sequential.h"

namespace hoego::abtest::internal {
namespace {

enum class Sequential { kNone, kAsymptotic, kMixture };

struct Request {
  std::string kind;
  bool bayesian = false;
  bool cuped = false;
  Scale scale = Scale::kRelative;
  Alternative alternative = Alternative::kTwoSided;
  double alpha = 0.05;
  Sequential sequential = Sequential::kNone;
  double tuning = 0;
  Prior prior;
};

Status ReadNumbers(JsonRef json, std::initializer_list<std::pair<const char*, double*>> fields) {
  for (const auto& [key, target] : fields) {
    HOEGO_TRY_ASSIGN(*target, json.RequireDouble(key));
  }
  return {};
}

Result<Moments> ReadMoments(JsonRef json, bool ratio) {
  Moments m;
  HOEGO_TRY_ASSIGN(m.n, RequireCount(json, "n"));
  HOEGO_TRY(ReadNumbers(json, {{"sum", &m.sum}, {"sum_squares", &m.sum_squares}}));
  if (ratio) {
    HOEGO_TRY(ReadNumbers(json, {{"denominator_sum", &m.denominator_sum},
                                 {"denominator_sum_squares", &m.denominator_sum_squares},
                                 {"cross_sum", &m.cross_sum}}));
  }
  return m;
}

Result<Covariate> ReadCovariate(JsonRef arm, bool ratio) {
  const std::optional<JsonRef> json = arm.Find("covariate");
  if (!json || !json->is_object()) {
    return Status::InvalidArgument(
        "field \"covariate\": adjustment cuped needs it in both arms, as an object");
  }
  Covariate c;
  HOEGO_TRY(ReadNumbers(*json, {{"sum", &c.sum}, {"sum_squares", &c.sum_squares}}));
  if (!ratio) {
    HOEGO_TRY(ReadNumbers(*json, {{"cross_sum", &c.cross_sum}}));
    return c;
  }
  HOEGO_TRY(ReadNumbers(
      *json, {{"denominator_sum", &c.denominator_sum},
              {"denominator_sum_squares", &c.denominator_sum_squares},
              {"pre_numerator_pre_denominator_sum", &c.pre_cross_sum},
              {"post_numerator_pre_numerator_sum", &c.numerator_numerator_sum},
              {"post_numerator_pre_denominator_sum", &c.numerator_denominator_sum},
              {"post_denominator_pre_numerator_sum", &c.denominator_numerator_sum},
              {"post_denominator_pre_denominator_sum", &c.denominator_denominator_sum}}));
  return c;
}

Result<Estimate> ReadEstimate(JsonRef arm, const Request& request) {
  if (request.kind == "quantile") {
    QuantileArm q;
    HOEGO_TRY_ASSIGN(q.n, RequireCount(arm, "n"));
    HOEGO_TRY(ReadNumbers(
        arm, {{"nu", &q.nu}, {"quantile", &q.quantile}, {"lower", &q.lower}, {"upper", &q.upper}}));
    const std::optional<JsonRef> clusters = arm.Find("clusters");
    if (clusters && !clusters->is_null()) {
      HOEGO_TRY_ASSIGN(q.clusters, ReadMoments(*clusters, true));
    }
    return EstimateQuantile(q);
  }
  HOEGO_TRY_ASSIGN(const Moments m, ReadMoments(arm, request.kind == "ratio"));
  return request.kind == "mean"         ? EstimateMean(m)
         : request.kind == "proportion" ? EstimateProportion(m)
                                        : EstimateRatio(m);
}

// Runs `read` over both arms; errors name the arm.
template <class T, class F>
Result<std::array<T, 2>> BothArms(JsonRef body, const F& read) {
  std::array<T, 2> arms;
  size_t i = 0;
  for (const char* name : {"control", "treatment"}) {
    const std::optional<JsonRef> json = body.Find(name);
    if (!json || !json->is_object()) {
      return Status::InvalidArgument(fmt::format("field \"{}\": expected an object, got {}", name,
                                                 json ? json->kind_name() : "nothing"));
    }
    Result<T> arm = read(*json);
    if (!arm.ok()) {
      return arm.status().Within(name);
    }
    arms[i++] = *std::move(arm);
  }
  return arms;
}

Result<Difference> ReadDifference(JsonRef body, const Request& request) {
  if (!request.cuped) {
    HOEGO_TRY_ASSIGN(const auto arms,
                     BothArms<Estimate>(body, [&](JsonRef a) { return ReadEstimate(a, request); }));
    return Compare(arms[0], arms[1], request.scale);
  }
  if (request.kind == "quantile") {
    return Status::InvalidArgument("field \"adjustment\": cuped is not defined for quantiles");
  }
  const bool ratio = request.kind == "ratio";
  const auto read = [&](JsonRef a) -> Result<AdjustedArm> {
    AdjustedArm arm;
    HOEGO_TRY_ASSIGN(arm.outcome, ReadMoments(a, ratio));
    HOEGO_TRY_ASSIGN(arm.covariate, ReadCovariate(a, ratio));
    return arm;
  };
  HOEGO_TRY_ASSIGN(const auto arms, BothArms<AdjustedArm>(body, read));
  const OutcomeKind kind = ratio                    ? OutcomeKind::kRatio
                           : request.kind == "mean" ? OutcomeKind::kMean
                                                    : OutcomeKind::kProportion;
  return CompareAdjusted(arms[0], arms[1], kind, request.scale);
}

Status ReadSequential(JsonRef body, Request& request) {
  const std::optional<JsonRef> json = body.Find("sequential");
  if (!json || json->is_null()) {
    return {};
  }
  HOEGO_TRY(CheckFields(*json, "sequential", {"method", "tuning"}));
  HOEGO_TRY_ASSIGN(const std::string method, WordOr(*json, "method", {"asymptotic_cs", "msprt"}));
  request.sequential = method == "msprt" ? Sequential::kMixture : Sequential::kAsymptotic;
  HOEGO_TRY_ASSIGN(request.tuning,
                   json->DoubleOr("tuning", request.sequential == Sequential::kMixture ? 1 : 5000));
  if (!(request.tuning > 0) || std::isinf(request.tuning)) {
    return Status::InvalidArgument(fmt::format(
        "field \"tuning\": {} is out of range, expected a number above 0", request.tuning));
  }
  if (request.bayesian) {
    return Status::InvalidArgument("field \"sequential\": belongs to the frequentist engine");
  }
  if (request.alternative != Alternative::kTwoSided) {
    if (request.sequential == Sequential::kMixture) {
      return Status::InvalidArgument("field \"alternative\": msprt is two-sided");
    }
    if (request.alpha >= 0.5) {
      return Status::InvalidArgument(fmt::format(
          "field \"alpha\": {} is out of range, a one-sided asymptotic_cs needs alpha < 0.5",
          request.alpha));
    }
  }
  return {};
}

Status ReadPrior(JsonRef body, Request& request) {
  const std::optional<JsonRef> json = body.Find("prior");
  if (!json || json->is_null()) {
    return {};
  }
  HOEGO_TRY(CheckFields(*json, "prior", {"mean", "variance", "proper"}));
  HOEGO_TRY_ASSIGN(request.prior.mean, json->DoubleOr("mean", 0));
  HOEGO_TRY_ASSIGN(request.prior.variance, json->DoubleOr("variance", 0.09));
  HOEGO_TRY_ASSIGN(request.prior.proper, json->BoolOr("proper", true));
  if (!(request.prior.variance > 0) || std::isinf(request.prior.variance) ||
      !std::isfinite(request.prior.mean)) {
    return Status::InvalidArgument(
        fmt::format("field \"prior\": mean {} and variance {}, expected a number and one above 0",
                    request.prior.mean, request.prior.variance));
  }
  return {};
}

Result<Request> ReadRequest(JsonRef body) {
  HOEGO_TRY(CheckFields(body, "body",
                        {"kind", "engine", "difference", "alternative", "alpha", "sequential",
                         "adjustment", "prior", "control", "treatment"}));
  Request request;
  HOEGO_TRY_ASSIGN(request.kind, body.RequireString("kind"));
  HOEGO_TRY_ASSIGN(request.kind, WordOr(body, "kind", {"mean", "proportion", "ratio", "quantile"}));
  HOEGO_TRY_ASSIGN(const std::string engine, WordOr(body, "engine", {"frequentist", "bayesian"}));
  request.bayesian = engine == "bayesian";
  HOEGO_TRY_ASSIGN(const std::string difference,
                   WordOr(body, "difference", {"relative", "absolute"}));
  request.scale = difference == "relative" ? Scale::kRelative : Scale::kAbsolute;
  HOEGO_TRY_ASSIGN(const std::string alternative,
                   WordOr(body, "alternative", {"two-sided", "greater", "less"}));
  request.alternative = alternative == "greater" ? Alternative::kGreater
                        : alternative == "less"  ? Alternative::kLess
                                                 : Alternative::kTwoSided;
  HOEGO_TRY_ASSIGN(request.alpha, ShareOr(body, "alpha", 0.05));
  HOEGO_TRY_ASSIGN(const std::string adjustment, WordOr(body, "adjustment", {"none", "cuped"}));
  request.cuped = adjustment == "cuped";
  HOEGO_TRY(ReadSequential(body, request));
  HOEGO_TRY(ReadPrior(body, request));
  return request;
}

void WriteOptional(JsonWriter& w, const std::optional<double>& v) {
  if (v) {
    w.Double(*v);
  } else {
    w.Null();
  }
}

Inference Infer(const Difference& d, const Request& r) {
  switch (r.sequential) {
    case Sequential::kAsymptotic:
      return AlwaysValid(d, r.alternative, r.alpha, r.tuning);
    case Sequential::kMixture:
      return MixtureTest(d, r.alpha, r.tuning);
    case Sequential::kNone:
      break;
  }
  return FixedHorizon(d, r.alternative, r.alpha);
}

void WriteFrequentist(JsonWriter& w, const Difference& d, const Request& r) {
  const Inference inference = Infer(d, r);
  w.Field("effect", d.effect).Field("se", d.se).Key("interval").BeginArray();
  WriteOptional(w, inference.low);
  WriteOptional(w, inference.high);
  w.EndArray().Field("p_value", inference.p_value);
  if (r.sequential == Sequential::kNone) {
    w.Field("df", d.df);
  }
  w.Key("chance_to_win").Null();
}

void WriteBayesian(JsonWriter& w, const Difference& d, const Request& r) {
  const Prior prior = r.scale == Scale::kAbsolute ? AbsolutePrior(r.prior, d.control) : r.prior;
  const Posterior p = Update(d, prior, r.alpha);
  w.Field("effect", p.effect).Field("se", p.se);
  w.Key("interval").BeginArray().Double(p.low).Double(p.high).EndArray();
  w.Key("p_value").Null().Field("chance_to_win", p.chance_to_win);
  w.Key("risk").BeginArray().Double(p.risk_of_control).Double(p.risk_of_treatment).EndArray();
}

}  // namespace

Result<std::string> CalculateEffect(JsonRef body) {
  HOEGO_TRY_ASSIGN(const Request request, ReadRequest(body));
  HOEGO_TRY_ASSIGN(const Difference d, ReadDifference(body, request));
  if (request.bayesian && request.prior.proper && request.scale == Scale::kAbsolute &&
      d.control == 0) {
    return Status::FailedPrecondition(
        "the control's value is 0: a prior on relative effects has no absolute scale");
  }
  JsonWriter w;
  w.BeginObject();
  if (request.bayesian) {
    WriteBayesian(w, d, request);
  } else {
    WriteFrequentist(w, d, request);
  }
  if (d.theta) {
    w.Field("theta", *d.theta);
  }
  w.Field("control", d.control).Field("treatment", d.treatment);
  w.EndObject();
  return w.Take();
}

}  // namespace hoego::abtest::internal
