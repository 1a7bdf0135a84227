#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "base/random.h"
#include "base/stat_functions.h"
#include "training/evaluate.h"

namespace hoego::training {
namespace {

// Linear interpolation between order statistics (Hyndman and Fan 1996, type 7). Pre: ascending, not
// empty.
double Quantile(const std::vector<double>& ascending, double p) {
  const double at = p * static_cast<double>(ascending.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, ascending.size() - 1);
  return ascending[low] + (at - static_cast<double>(low)) * (ascending[high] - ascending[low]);
}

// Signed-rank statistic: ranks of |d| with ties averaged, zeros dropped; under the null the sum of
// the positive ranks has mean n(n+1)/4 and variance n(n+1)(2n+1)/24 - sum(t^3 - t)/48 over groups
// of t ties.
double WilcoxonTwoSided(const std::vector<double>& differences) {
  std::vector<double> d;
  std::copy_if(differences.begin(), differences.end(), std::back_inserter(d),
               [](double x) { return x != 0; });
  if (d.empty()) {
    return 1;
  }
  std::sort(d.begin(), d.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  double positive = 0;
  double ties = 0;
  for (size_t begin = 0; begin < d.size();) {
    size_t end = begin;
    size_t above = 0;
    while (end < d.size() && std::abs(d[end]) == std::abs(d[begin])) {
      above += d[end++] > 0 ? 1 : 0;
    }
    const auto t = static_cast<double>(end - begin);
    const double rank = (static_cast<double>(begin + 1) + static_cast<double>(end)) / 2;
    positive += rank * static_cast<double>(above);
    ties += t * t * t - t;
    begin = end;
  }
  const auto n = static_cast<double>(d.size());
  const double variance = n * (n + 1) * (2 * n + 1) / 24 - ties / 48;
  const double z = (positive - n * (n + 1) / 4) / std::sqrt(variance);
  return 2 * NormalCdf(-std::abs(z));
}

}  // namespace

Interval BootstrapMean(const std::vector<double>& values, double confidence, int replicates,
                       uint64_t seed) {
  if (values.empty() || replicates < 1) {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    return {nan, nan};
  }
  Rng rng(seed);
  std::vector<double> means(static_cast<size_t>(replicates));
  for (double& mean : means) {
    double sum = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      sum += values[rng.Below(values.size())];
    }
    mean = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  const double outside = (1 - confidence) / 2;
  return {Quantile(means, outside), Quantile(means, 1 - outside)};
}

Result<PairedTest> ComparePaired(const std::vector<double>& a, const std::vector<double>& b,
                                 double confidence, int replicates, uint64_t seed) {
  if (a.size() != b.size() || a.size() < 2) {
    return Status::InvalidArgument(fmt::format(
        "paired comparison: expected two lists of the same units, at least 2; got {} and {}",
        a.size(), b.size()));
  }
  if (!(confidence > 0 && confidence < 1) || replicates < 1) {
    return Status::InvalidArgument(
        "paired comparison: expected a confidence between 0 and 1 and at least one replicate");
  }
  std::vector<double> d(a.size());
  std::transform(a.begin(), a.end(), b.begin(), d.begin(), std::minus<>());
  if (!std::all_of(d.begin(), d.end(), [](double x) { return std::isfinite(x); })) {
    return Status::InvalidArgument("paired comparison: a value is not a finite number");
  }
  PairedTest out;
  out.n = d.size();
  const auto n = static_cast<double>(d.size());
  out.difference = std::accumulate(d.begin(), d.end(), 0.0) / n;
  double squares = 0;
  for (const double x : d) {
    squares += (x - out.difference) * (x - out.difference);
  }
  const double error = std::sqrt(squares / (n - 1) / n);
  if (error > 0) {
    out.t = out.difference / error;
    out.p_t = StudentTTwoSided(out.t, n - 1);
  } else {
    out.t = out.difference == 0
                ? 0
                : std::copysign(std::numeric_limits<double>::infinity(), out.difference);
    out.p_t = out.difference == 0 ? 1 : 0;
  }
  out.interval = BootstrapMean(d, confidence, replicates, seed);
  out.p_wilcoxon = WilcoxonTwoSided(d);
  return out;
}

}  // namespace hoego::training
