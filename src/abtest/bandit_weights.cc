#include "abtest/bandit_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/stat_functions.h"

namespace hoego::abtest {
namespace {

constexpr size_t kMostArms = 256;
constexpr double kEdge = 9;  // phi and its integral beyond are below 1e-18

// Adaptive Simpson with Richardson's correction.
template <class F>
double Integrate(const F& f, double a, double fa, double b, double fb, double m, double fm,
                 double whole, double tolerance, int depth) {
  const double lm = (a + m) / 2;
  const double rm = (m + b) / 2;
  const double flm = f(lm);
  const double frm = f(rm);
  const double left = (m - a) / 6 * (fa + 4 * flm + fm);
  const double right = (b - m) / 6 * (fm + 4 * frm + fb);
  const double error = left + right - whole;
  if (depth <= 0 || std::fabs(error) <= 15 * tolerance) {
    return left + right + error / 15;
  }
  return Integrate(f, a, fa, m, fm, lm, flm, left, tolerance / 2, depth - 1) +
         Integrate(f, m, fm, b, fb, rm, frm, right, tolerance / 2, depth - 1);
}

template <class F>
double IntegratePiece(const F& f, double a, double b) {
  const double m = (a + b) / 2;
  const double fa = f(a);
  const double fb = f(b);
  const double fm = f(m);
  return Integrate(f, a, fa, b, fb, m, fm, (b - a) / 6 * (fa + 4 * fm + fb), 1e-13, 30);
}

double BestProbability(std::span<const double> means, std::span<const double> errors, size_t k) {
  const auto density = [&](double t) {
    double product = std::exp(-0.5 * t * t) / std::sqrt(2 * M_PI);
    for (size_t i = 0; i < means.size() && product > 0; ++i) {
      if (i != k) {
        product *= NormalCdf((means[k] + t * errors[k] - means[i]) / errors[i]);
      }
    }
    return product;
  };
  // Pieces end where a factor climbs, which may be in a very narrow place.
  std::vector<double> ends = {-kEdge, -3, -1, 0, 1, 3, kEdge};
  for (size_t i = 0; i < means.size(); ++i) {
    if (i == k) {
      continue;
    }
    const double centre = (means[i] - means[k]) / errors[k];
    const double width = errors[i] / errors[k];
    for (const double step : {-6.0, -2.0, 0.0, 2.0, 6.0}) {
      const double end = centre + step * width;
      if (end > -kEdge && end < kEdge) {
        ends.push_back(end);
      }
    }
  }
  std::sort(ends.begin(), ends.end());
  double sum = 0;
  for (size_t i = 0; i + 1 < ends.size(); ++i) {
    if (ends[i] < ends[i + 1]) {
      sum += IntegratePiece(density, ends[i], ends[i + 1]);
    }
  }
  return sum;
}

}  // namespace

Result<std::vector<double>> BestArmWeights(std::span<const double> means,
                                           std::span<const double> standard_errors, double floor) {
  const size_t arms = means.size();
  if (arms != standard_errors.size() || arms < 1 || arms > kMostArms) {
    return Status::InvalidArgument(
        fmt::format("{} means and {} standard errors, expected as many of each, 1 to {}", arms,
                    standard_errors.size(), kMostArms));
  }
  if (!(floor >= 0 && floor <= 1)) {
    return Status::InvalidArgument(fmt::format("floor is {}, expected 0 to 1", floor));
  }
  for (size_t i = 0; i < arms; ++i) {
    if (!std::isfinite(means[i]) || !std::isfinite(standard_errors[i]) || standard_errors[i] <= 0) {
      return Status::InvalidArgument(
          fmt::format("arm {} has mean {} and standard error {}, expected a number and one above 0",
                      i, means[i], standard_errors[i]));
    }
  }
  const auto k = static_cast<double>(arms);
  if (k * floor >= 1) {
    return std::vector<double>(arms, 1 / k);
  }
  std::vector<double> weights(arms);
  double sum = 0;
  for (size_t i = 0; i < arms; ++i) {
    weights[i] = BestProbability(means, standard_errors, i);
    sum += weights[i];
  }
  for (double& w : weights) {
    w = floor + (1 - k * floor) * w / sum;
  }
  return weights;
}

}  // namespace hoego::abtest
