#include "abtest/adjusted.h"

#include <cmath>

namespace hoego::abtest {
namespace {

// One arm as a pair of figures with their covariance a unit.
struct Pair {
  double n = 0;
  double y = 0;
  double x = 0;
  double var_y = 0;
  double var_x = 0;
  double cov = 0;
};

double SampleCovariance(double n, double sum_a, double sum_b, double sum_ab) {
  return (sum_ab - sum_a * sum_b / n) / (n - 1);
}

// Of an outcome and its covariate. Divided by n for proportions, whose variances m (1 - m) are too.
double OutcomeCovariance(double n, double sum_a, double sum_b, double sum_ab, OutcomeKind kind) {
  const double cov = SampleCovariance(n, sum_a, sum_b, sum_ab);
  return kind == OutcomeKind::kProportion ? cov * (n - 1) / n : cov;
}

Moments Before(const AdjustedArm& arm) {
  Moments m;
  m.n = arm.outcome.n;
  m.sum = arm.covariate.sum;
  m.sum_squares = arm.covariate.sum_squares;
  m.denominator_sum = arm.covariate.denominator_sum;
  m.denominator_sum_squares = arm.covariate.denominator_sum_squares;
  m.cross_sum = arm.covariate.pre_cross_sum;
  return m;
}

Result<Estimate> EstimateOf(const Moments& m, OutcomeKind kind) {
  switch (kind) {
    case OutcomeKind::kMean:
      return EstimateMean(m);
    case OutcomeKind::kProportion:
      return EstimateProportion(m);
    case OutcomeKind::kRatio:
      break;
  }
  return EstimateRatio(m);
}

// grad(M / D)' Lambda grad(P / Q), a unit.
double RatioCovariance(const AdjustedArm& arm) {
  const Moments& o = arm.outcome;
  const Covariate& c = arm.covariate;
  const double n = o.n;
  const double d = o.denominator_sum / n;
  const double q = c.denominator_sum / n;
  const double r = o.sum / o.denominator_sum;
  const double s = c.sum / c.denominator_sum;
  const double mp = SampleCovariance(n, o.sum, c.sum, c.numerator_numerator_sum);
  const double mq = SampleCovariance(n, o.sum, c.denominator_sum, c.numerator_denominator_sum);
  const double dp = SampleCovariance(n, o.denominator_sum, c.sum, c.denominator_numerator_sum);
  const double dq =
      SampleCovariance(n, o.denominator_sum, c.denominator_sum, c.denominator_denominator_sum);
  return (mp - s * mq - r * dp + r * s * dq) / (d * q);
}

Result<Pair> PairOf(const AdjustedArm& arm, OutcomeKind kind) {
  HOEGO_TRY_ASSIGN(const Estimate y, EstimateOf(arm.outcome, kind));
  Result<Estimate> x = EstimateOf(Before(arm), kind);
  if (!x.ok()) {
    return x.status().Within("covariate");
  }
  const double cov = kind == OutcomeKind::kRatio
                         ? RatioCovariance(arm)
                         : OutcomeCovariance(y.n, arm.outcome.sum, arm.covariate.sum,
                                             arm.covariate.cross_sum, kind);
  if (!std::isfinite(cov)) {
    return Status::InvalidArgument("covariate: its products with the outcome are not finite");
  }
  return Pair{y.n, y.value, x->value, y.variance, x->variance, cov};
}

// Cov(Y, X) / Var(X) over the units of both arms.
Result<double> PooledTheta(const AdjustedArm& control, const AdjustedArm& treatment,
                           OutcomeKind kind) {
  Moments pre = Before(control);
  const Moments other = Before(treatment);
  pre.n += other.n;
  pre.sum += other.sum;
  pre.sum_squares += other.sum_squares;
  HOEGO_TRY_ASSIGN(const Estimate x, EstimateOf(pre, kind));
  const double cov =
      OutcomeCovariance(pre.n, control.outcome.sum + treatment.outcome.sum, pre.sum,
                        control.covariate.cross_sum + treatment.covariate.cross_sum, kind);
  return x.variance > 0 ? cov / x.variance : 0;
}

// g' Sigma g / n for the weights g_y, g_x of an arm's two figures.
double QuadraticForm(const Pair& p, double g_y, double g_x) {
  return (g_y * g_y * p.var_y + 2 * g_y * g_x * p.cov + g_x * g_x * p.var_x) / p.n;
}

}  // namespace

Result<Difference> CompareAdjusted(const AdjustedArm& control, const AdjustedArm& treatment,
                                   OutcomeKind kind, Scale scale) {
  HOEGO_TRY_ASSIGN(const Pair c, PairOf(control, kind));
  HOEGO_TRY_ASSIGN(const Pair t, PairOf(treatment, kind));
  double theta = 0;
  if (kind == OutcomeKind::kRatio) {
    const double var_x = c.var_x + t.var_x;
    theta = var_x > 0 ? (c.cov + t.cov) / var_x : 0;
  } else {
    HOEGO_TRY_ASSIGN(theta, PooledTheta(control, treatment, kind));
  }
  // The adjusted arms as estimates give the difference, its degrees of freedom and its absolute
  // error.
  const Estimate ec{c.n, c.y - theta * c.x, c.n * QuadraticForm(c, 1, -theta)};
  const Estimate et{t.n, t.y - theta * t.x, t.n * QuadraticForm(t, 1, -theta)};
  HOEGO_TRY_ASSIGN(Difference d, Compare(ec, et, Scale::kAbsolute));
  d.control = c.y;
  d.treatment = t.y;
  d.theta = theta;
  if (scale == Scale::kRelative) {
    if (c.y == 0) {
      return Status::FailedPrecondition(
          "the control's value is 0: there is no difference relative to it");
    }
    const double g_c = -(t.y - theta * t.x + theta * c.x) / c.y;
    d.se = std::sqrt(QuadraticForm(t, 1, -theta) + QuadraticForm(c, g_c, theta)) / std::fabs(c.y);
    d.effect /= std::fabs(c.y);
    if (!(d.se > 0) || !std::isfinite(d.se)) {
      return Status::FailedPrecondition(
          "the standard error is 0 or not finite: nothing can be concluded from these sums");
    }
  }
  return d;
}

}  // namespace hoego::abtest
