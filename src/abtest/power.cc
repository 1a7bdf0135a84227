#include "abtest/power.h"

#include <cmath>

#include "base/stat_functions.h"

namespace hoego::abtest {
namespace {

// The x >= 0 at which a growing function reaches the target: doubling, then halving the bracket to
// the last digit.
template <class F>
double SolveGrowing(const F& f, double target, double start) {
  double high = start;
  for (int i = 0; i < 1000 && f(high) < target; ++i) {
    high *= 2;
  }
  double low = 0;
  for (int i = 0; i < 200 && low < high; ++i) {
    const double middle = low + (high - low) / 2;
    if (middle == low || middle == high) {
      break;
    }
    (f(middle) < target ? low : high) = middle;
  }
  return high;
}

double CriticalValue(Alternative alternative, double alpha, double width) {
  if (width > 0) {
    return width;
  }
  return -NormalQuantile(alternative == Alternative::kTwoSided ? alpha / 2 : alpha);
}

// Power when the effect is `shift` standard errors.
double PowerOfShift(double shift, Alternative alternative, double critical) {
  const double towards = NormalCdf(shift - critical);
  return alternative == Alternative::kTwoSided ? towards + NormalCdf(-shift - critical) : towards;
}

}  // namespace

double ConversionVariance(double p) {
  return p * (1 - p);
}

double Power(double effect, double control_variance, double control_n, double treatment_variance,
             double treatment_n, Alternative alternative, double alpha, double width) {
  const double se = std::sqrt(control_variance / control_n + treatment_variance / treatment_n);
  const double critical = CriticalValue(alternative, alpha, width);
  return se > 0 ? PowerOfShift(effect / se, alternative, critical) : (effect > 0 ? 1 : 0);
}

double MinimalEffect(double power, double control_variance, double control_n,
                     double treatment_variance, double treatment_n, Alternative alternative,
                     double alpha, double width) {
  const double se = std::sqrt(control_variance / control_n + treatment_variance / treatment_n);
  const double critical = CriticalValue(alternative, alpha, width);
  return se * SolveGrowing([&](double shift) { return PowerOfShift(shift, alternative, critical); },
                           power, 4);
}

double UnitsNeeded(double power, double effect, double control_variance, double control_share,
                   double treatment_variance, double treatment_share, Alternative alternative,
                   double alpha, double width) {
  const double critical = CriticalValue(alternative, alpha, width);
  const double shift =
      SolveGrowing([&](double s) { return PowerOfShift(s, alternative, critical); }, power, 4);
  return (control_variance / control_share + treatment_variance / treatment_share) * shift * shift /
         (effect * effect);
}

}  // namespace hoego::abtest
