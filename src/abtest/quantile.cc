#include "abtest/quantile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/stat_functions.h"

namespace hoego::abtest {

Result<Estimate> EstimateQuantile(const QuantileArm& arm) {
  if (!(arm.nu > 0 && arm.nu < 1)) {
    return Status::InvalidArgument(
        fmt::format("a quantile's level is {}, expected 0 < nu < 1", arm.nu));
  }
  for (const double v : {arm.n, arm.quantile, arm.lower, arm.upper}) {
    if (!std::isfinite(v)) {
      return Status::InvalidArgument("a quantile's figures are not finite numbers");
    }
  }
  if (arm.lower > arm.upper) {
    return Status::InvalidArgument(
        fmt::format("a quantile's lower bound {} is above its upper {}", arm.lower, arm.upper));
  }
  const double z = NormalQuantile(0.975);
  const double odds = arm.nu / (1 - arm.nu);
  const double needed = z * z * std::max(odds, 1 / odds);
  if (!(arm.n > std::max(needed, 1.0))) {
    return Status::InvalidArgument(
        fmt::format("{} observations are too few for the quantile {}, more than {:.0f} are needed",
                    arm.n, arm.nu, needed));
  }
  const double width = (arm.upper - arm.lower) / (2 * z);
  double variance = width * width * (arm.n - 1);
  if (arm.clusters) {
    HOEGO_TRY_ASSIGN(const Estimate share, EstimateRatio(*arm.clusters));
    const double independent = arm.nu * (1 - arm.nu) / arm.n;
    variance *= share.variance / share.n / independent;
  }
  return Estimate{arm.n, arm.quantile, variance};
}

}  // namespace hoego::abtest
