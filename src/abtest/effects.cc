#include "abtest/effects.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/stat_functions.h"

namespace hoego::abtest {
namespace {

// A variance that rounding of the sums may have made slightly negative is 0; one beyond that means
// inconsistent sums.
Result<double> CheckedVariance(double variance, double scale) {
  if (variance < 0 && variance > -1e-9 * scale) {
    return 0.0;
  }
  if (!(variance >= 0) || std::isinf(variance)) {
    return Status::InvalidArgument(fmt::format(
        "the sums give a variance of {}: sum of squares and sum do not fit together", variance));
  }
  return variance;
}

Status CheckUnits(double n) {
  if (!(n >= 2) || std::isinf(n)) {
    return Status::InvalidArgument(fmt::format("an arm has {} units, at least 2 are needed", n));
  }
  return {};
}

Status CheckFinite(const Moments& m) {
  for (const double v :
       {m.sum, m.sum_squares, m.denominator_sum, m.denominator_sum_squares, m.cross_sum}) {
    if (!std::isfinite(v)) {
      return Status::InvalidArgument("a sum is not a finite number");
    }
  }
  return CheckUnits(m.n);
}

Result<double> SampleVariance(double n, double sum, double sum_squares) {
  if (sum_squares < 0) {
    return Status::InvalidArgument(
        fmt::format("a sum of squares is {}, it cannot be negative", sum_squares));
  }
  return CheckedVariance((sum_squares - sum * sum / n) / (n - 1), sum_squares / (n - 1));
}

}  // namespace

Result<Estimate> EstimateMean(const Moments& m) {
  HOEGO_TRY(CheckFinite(m));
  HOEGO_TRY_ASSIGN(const double variance, SampleVariance(m.n, m.sum, m.sum_squares));
  return Estimate{m.n, m.sum / m.n, variance};
}

Result<Estimate> EstimateProportion(const Moments& m) {
  HOEGO_TRY(CheckFinite(m));
  if (m.sum < 0 || m.sum > m.n) {
    return Status::InvalidArgument(
        fmt::format("a proportion's sum is {} of {} units, expected 0 to {}", m.sum, m.n, m.n));
  }
  const double p = m.sum / m.n;
  return Estimate{m.n, p, p * (1 - p)};
}

Result<Estimate> EstimateRatio(const Moments& m) {
  HOEGO_TRY(CheckFinite(m));
  HOEGO_TRY_ASSIGN(const double s2_y, SampleVariance(m.n, m.sum, m.sum_squares));
  HOEGO_TRY_ASSIGN(const double s2_x,
                   SampleVariance(m.n, m.denominator_sum, m.denominator_sum_squares));
  if (m.denominator_sum == 0) {
    return Status::InvalidArgument("a ratio's denominators sum to 0");
  }
  const double s_xy = (m.cross_sum - m.sum * m.denominator_sum / m.n) / (m.n - 1);
  const double y = m.sum / m.n;
  const double x = m.denominator_sum / m.n;
  const double r = y / x;
  const double raw = (s2_y + r * r * s2_x - 2 * r * s_xy) / (x * x);
  HOEGO_TRY_ASSIGN(const double variance, CheckedVariance(raw, (s2_y + r * r * s2_x) / (x * x)));
  return Estimate{m.n, r, variance};
}

Result<Difference> Compare(const Estimate& control, const Estimate& treatment, Scale scale) {
  Difference d;
  d.n = control.n + treatment.n;
  d.control = control.value;
  d.treatment = treatment.value;
  const double v_c = control.variance / control.n;
  const double v_t = treatment.variance / treatment.n;
  d.effect = treatment.value - control.value;
  double variance = v_c + v_t;
  if (scale == Scale::kRelative) {
    const double c = control.value;
    if (c == 0) {
      return Status::FailedPrecondition(
          "the control's value is 0: there is no difference relative to it");
    }
    d.effect /= std::fabs(c);
    const double ratio = treatment.value / c;
    variance = (v_t + v_c * ratio * ratio) / (c * c);
  }
  d.se = std::sqrt(variance);
  if (!(d.se > 0) || !std::isfinite(d.se) || !std::isfinite(d.effect)) {
    return Status::FailedPrecondition(
        "the standard error is 0 or not finite: nothing can be concluded from these sums");
  }
  d.df = (v_t + v_c) * (v_t + v_c) / (v_t * v_t / (treatment.n - 1) + v_c * v_c / (control.n - 1));
  return d;
}

Inference FixedHorizon(const Difference& d, Alternative alternative, double alpha) {
  const double t = d.effect / d.se;
  Inference out;
  if (alternative == Alternative::kTwoSided) {
    const double half = -StudentTQuantile(alpha / 2, d.df) * d.se;
    out.low = d.effect - half;
    out.high = d.effect + half;
    out.p_value = StudentTTwoSided(t, d.df);
    return out;
  }
  const double half = -StudentTQuantile(alpha, d.df) * d.se;
  if (alternative == Alternative::kGreater) {
    out.low = d.effect - half;
    out.p_value = StudentTCdf(-t, d.df);
  } else {
    out.high = d.effect + half;
    out.p_value = StudentTCdf(t, d.df);
  }
  return out;
}

double PooledProportionP(double n1, double successes1, double n2, double successes2) {
  const double p = (successes1 + successes2) / (n1 + n2);
  const double se = std::sqrt(p * (1 - p) * (1 / n1 + 1 / n2));
  if (!(se > 0)) {
    return 1;
  }
  return 2 * NormalCdf(-std::fabs(successes2 / n2 - successes1 / n1) / se);
}

}  // namespace hoego::abtest
