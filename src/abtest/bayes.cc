#include "abtest/bayes.h"

#include <algorithm>
#include <cmath>

#include "base/stat_functions.h"

namespace hoego::abtest {

Posterior Update(const Difference& d, const Prior& prior, double alpha) {
  const double evidence = 1 / (d.se * d.se);
  const double belief = prior.proper ? 1 / prior.variance : 0;
  Posterior p;
  p.effect = (d.effect * evidence + prior.mean * belief) / (evidence + belief);
  p.se = 1 / std::sqrt(evidence + belief);
  const double half = -NormalQuantile(alpha / 2) * p.se;
  p.low = p.effect - half;
  p.high = p.effect + half;
  const double z = p.effect / p.se;
  p.chance_to_win = NormalCdf(z);
  if (std::fabs(z) > 37) {  // the other loss is below the smallest double's worth
    p.risk_of_control = std::max(p.effect, 0.0);
    p.risk_of_treatment = std::max(-p.effect, 0.0);
    return p;
  }
  const double density = std::exp(-0.5 * z * z) / std::sqrt(2 * M_PI);
  p.risk_of_control = p.se * density + p.effect * NormalCdf(z);
  p.risk_of_treatment = p.se * density - p.effect * NormalCdf(-z);
  return p;
}

Prior AbsolutePrior(const Prior& relative, double control) {
  return {relative.mean * std::fabs(control), relative.variance * control * control,
          relative.proper};
}

}  // namespace hoego::abtest
