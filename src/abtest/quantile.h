#pragma once

#include <optional>

#include "abtest/effects.h"

namespace hoego::abtest {

// A quantile of one arm, found where the observations are, with the order statistics around it.
struct QuantileArm {
  double n = 0;   // observations
  double nu = 0;  // the quantile's level, 0 < nu < 1
  double quantile = 0;
  double lower = 0;  // the observation of rank n (nu - z sqrt(nu (1 - nu) / n)), z = 1.96
  double upper = 0;  // the same with +
  // When units bring several observations: over units, y = how many of its observations are at most
  // the quantile, x = how many it has.
  std::optional<Moments> clusters;
};

// Standard error from the width between the order statistics, (upper - lower) / (2 z), times
// sqrt((n - 1) / n); with clusters the variance is multiplied by what clustering does to the share
// below the quantile (Deng, Knoblich and Lu, KDD 2018, section 4.1). InvalidArgument: a level
// outside 0..1, lower > upper, or too few observations: n <= z^2 nu / (1 - nu) or the mirror image.
Result<Estimate> EstimateQuantile(const QuantileArm& arm);

}  // namespace hoego::abtest
