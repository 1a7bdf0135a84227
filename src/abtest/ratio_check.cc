#include "abtest/ratio_check.h"

#include <fmt/format.h>
#include <math.h>

#include <algorithm>
#include <cmath>

#include "base/stat_functions.h"

namespace hoego::abtest {
namespace {

constexpr double kConcentration = 100;

// In long double: at 1e7 units the terms are near 1e8 and their difference near 1.
long double LongLogGamma(long double x) {
  int sign = 0;
  return ::lgammal_r(x, &sign);
}

}  // namespace

Result<RatioCheck> CheckRatio(std::span<const double> observed, std::span<const double> expected) {
  if (observed.size() != expected.size()) {
    return Status::InvalidArgument(fmt::format("{} counts were observed but {} are expected",
                                               observed.size(), expected.size()));
  }
  double units = 0;
  double weights = 0;
  int arms = 0;
  for (size_t i = 0; i < observed.size(); ++i) {
    for (const double v : {observed[i], expected[i]}) {
      if (!std::isfinite(v) || v < 0) {
        return Status::InvalidArgument(
            fmt::format("arm {} has {}, expected a number of at least 0", i, v));
      }
    }
    if (expected[i] > 0) {
      units += observed[i];
      weights += expected[i];
      ++arms;
    }
  }
  if (arms == 0) {
    return Status::InvalidArgument("expected: every share is 0, expected at least one above it");
  }
  RatioCheck check;
  if (arms < 2 || units == 0) {
    return check;
  }
  double chi2 = 0;
  long double log_ratio =
      LongLogGamma(kConcentration + static_cast<long double>(units)) - LongLogGamma(kConcentration);
  for (size_t i = 0; i < observed.size(); ++i) {
    if (expected[i] > 0) {
      const double share = expected[i] / weights;
      const double d = observed[i] - units * share;
      chi2 += d * d / (units * share);
      const long double a = static_cast<long double>(kConcentration) * share;
      log_ratio +=
          static_cast<long double>(observed[i]) * std::log(static_cast<long double>(share)) -
          LongLogGamma(a + static_cast<long double>(observed[i])) + LongLogGamma(a);
    }
  }
  check.p_value = ChiSquareTail(chi2, arms - 1);
  check.always_valid_p_value = static_cast<double>(std::min(1.0L, std::exp(log_ratio)));
  return check;
}

}  // namespace hoego::abtest
