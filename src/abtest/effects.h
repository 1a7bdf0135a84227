#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/status.h"

namespace hoego::abtest {

// What treatment did to a metric, from each arm's sufficient statistics. All pure. Threads: any.

// Sums over one arm's units. y is the outcome of a unit; x its denominator, for ratios only.
struct Moments {
  double n = 0;
  double sum = 0;          // of y
  double sum_squares = 0;  // of y * y
  double denominator_sum = 0;
  double denominator_sum_squares = 0;
  double cross_sum = 0;  // of x * y
};

// An arm's figure, and the variance that one unit brings to it: the squared standard error is
// variance / n.
struct Estimate {
  double n = 0;
  double value = 0;
  double variance = 0;
};

// Each refuses, naming what was wrong: fewer than 2 units, numbers that are not finite, sums that
// no data can have (a negative variance, a proportion outside 0..1, a ratio whose denominators sum
// to 0).
Result<Estimate> EstimateMean(const Moments& m);  // sample variance, n - 1
Result<Estimate> EstimateProportion(
    const Moments& m);  // sum of n zeros and ones; variance m (1 - m), as published
// Delta method (Deng, Knoblich, Lu, KDD 2018, section 3.1): R = Y / X over randomised units.
Result<Estimate> EstimateRatio(const Moments& m);

enum class Scale { kAbsolute, kRelative };
enum class Alternative { kTwoSided, kGreater, kLess };

// Treatment minus control, before any inference.
struct Difference {
  double effect = 0;
  double se = 0;
  double df =
      0;         // Welch and Satterthwaite's degrees of freedom; also used for relative differences
  double n = 0;  // units of both arms
  double control = 0;
  double treatment = 0;
  std::optional<double> theta;  // of an adjusted difference
};

// Relative: (T - C) / |C| with the delta method's variance s2_T / (n_T C^2) + s2_C T^2 / (n_C C^4).
// FailedPrecondition: a relative difference to a control of 0, or a standard error of 0 (nothing
// can be concluded).
Result<Difference> Compare(const Estimate& control, const Estimate& treatment, Scale scale);

// A conclusion. An end of the interval is absent when the alternative leaves it open.
struct Inference {
  std::optional<double> low;
  std::optional<double> high;
  double p_value = 1;
};

// Student's t with the difference's degrees of freedom: for one look at a size fixed beforehand.
// Pre: 0 < alpha < 1.
Inference FixedHorizon(const Difference& d, Alternative alternative, double alpha);

// 2 * (1 - Phi(|z|)) of the pooled two-proportion test. Pre: both n > 0.
double PooledProportionP(double n1, double successes1, double n2, double successes2);

}  // namespace hoego::abtest
