#pragma once

#include "abtest/effects.h"

namespace hoego::abtest {

// Variance reduction by what was known of a unit before the test (CUPED: Deng, Xu, Kohavi and
// Walker, WSDM 2013). Pure.

// Sums over one arm's units of the covariate x, and of its products with the outcome y. For ratios
// y = M / D and x = P / Q: then sum, sum_squares are of P, the denominators of Q, and the six
// products are all needed.
struct Covariate {
  double sum = 0;
  double sum_squares = 0;
  double cross_sum = 0;  // x * y; not for ratios
  double denominator_sum = 0;
  double denominator_sum_squares = 0;
  double pre_cross_sum = 0;                // P * Q
  double numerator_numerator_sum = 0;      // M * P
  double numerator_denominator_sum = 0;    // M * Q
  double denominator_numerator_sum = 0;    // D * P
  double denominator_denominator_sum = 0;  // D * Q
};

struct AdjustedArm {
  Moments outcome;
  Covariate covariate;
};

enum class OutcomeKind { kMean, kProportion, kRatio };

// Y' = Y - theta X with theta = Cov(Y, X) / Var(X): over the units of both arms for means and
// proportions, summed over the arms for ratios; 0 when the covariate does not vary, which leaves
// the plain difference. Relative differences use the full gradient of the delta method, (1, -theta,
// -(Y_T - theta X_T + theta X_C) / Y_C, theta) / |Y_C|. Errors as Compare and the estimates.
Result<Difference> CompareAdjusted(const AdjustedArm& control, const AdjustedArm& treatment,
                                   OutcomeKind kind, Scale scale);

}  // namespace hoego::abtest
