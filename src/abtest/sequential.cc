#include "abtest/sequential.h"

#include <algorithm>
#include <cmath>

namespace hoego::abtest {
namespace {

// u = n rho^2, with rho as in equation 134.
double MixtureScale(double n, double alpha, double tuning) {
  const double l = -2 * std::log(alpha);
  return n * (l + std::log1p(l)) / tuning;
}

// sqrt(2 (u + 1) / u * log_term): the half-width in standard errors.
double Width(double u, double log_term) {
  return std::sqrt(2 * (u + 1) / u * log_term);
}

}  // namespace

double AlwaysValidWidth(double n, double alpha, double tuning) {
  const double u = MixtureScale(n, alpha, tuning);
  return Width(u, 0.5 * std::log1p(u) - std::log(alpha));
}

Inference AlwaysValid(const Difference& d, Alternative alternative, double alpha, double tuning) {
  const double t = d.effect / d.se;
  Inference out;
  if (alternative == Alternative::kTwoSided) {
    const double half = d.se * AlwaysValidWidth(d.n, alpha, tuning);
    out.low = d.effect - half;
    out.high = d.effect + half;
    const double u = MixtureScale(d.n, alpha, tuning);
    out.p_value = std::min(1.0, std::exp(0.5 * std::log1p(u) - t * t * u / (2 * (u + 1))));
    return out;
  }
  const double u = MixtureScale(d.n, 2 * alpha, tuning);
  const double half = d.se * Width(u, std::log1p(std::sqrt(u + 1) / (2 * alpha)));
  const bool greater = alternative == Alternative::kGreater;
  if (greater) {
    out.low = d.effect - half;
  } else {
    out.high = d.effect + half;
  }
  // The alpha at which the bound touches 0.
  const double towards = greater ? t : -t;
  const double root = std::sqrt(u + 1) / 2 / std::expm1(t * t * u / (2 * (u + 1)));
  out.p_value = towards > 0 ? std::min(1.0, root) : 1;
  return out;
}

Inference MixtureTest(const Difference& d, double alpha, double tau) {
  const double v = d.se * d.se;
  const double total = v + tau * tau;
  const double log_start = 0.5 * std::log(total / v);
  const double half = std::sqrt(2 * v * total / (tau * tau) * (log_start - std::log(alpha)));
  Inference out;
  out.low = d.effect - half;
  out.high = d.effect + half;
  out.p_value =
      std::min(1.0, std::exp(log_start - tau * tau * d.effect * d.effect / (2 * v * total)));
  return out;
}

}  // namespace hoego::abtest
