#include "base/stat_functions.h"

#include <math.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace hoego {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr double kTiny = 1e-300;
constexpr double kEpsilon = 1e-16;
constexpr double kLogTwoPi = 1.8378770664093454835606594728112;
constexpr double kSqrtHalf = 0.70710678118654752440084436210485;
constexpr double kInvSqrtTwoPi = 0.39894228040143267793994605993438;
constexpr int kMaxSteps = 2'000'000;

// delta(n) = ln Gamma(n + 1) - [(n + 1/2) ln n - n + ln(2 pi)/2], the error of Stirling's formula.
double StirlingError(double n) {
  if (n < 16) {
    return LogGamma(n + 1) - (n + 0.5) * std::log(n) + n - 0.5 * kLogTwoPi;
  }
  const double r = 1 / (n * n);
  return (1.0 / 12 -
          r * (1.0 / 360 -
               r * (1.0 / 1260 - r * (1.0 / 1680 - r * (1.0 / 1188 - r * 691.0 / 360360))))) /
         n;
}

// Loader's D0(x, m) = x ln(x / m) + m - x, without cancellation where x is near m.
double Deviance(double x, double m) {
  const double d = x - m;
  if (std::fabs(d) >= 0.1 * (x + m)) {
    return x * std::log(x / m) - d;
  }
  const double v = d / (x + m);
  double sum = d * v;
  double term = 2 * x * v;
  for (int j = 1; j < 1000; ++j) {
    term *= v * v;
    const double next = sum + term / (2 * j + 1);
    if (next == sum) {
      break;
    }
    sum = next;
  }
  return sum;
}

// x^a e^-x / Gamma(a + 1)
double GammaFactor(double a, double x) {
  if (a < 1e-8) {
    return std::exp(a * std::log(x) - x - LogGamma(a + 1));
  }
  return std::exp(-StirlingError(a) - Deviance(a, x) - 0.5 * (kLogTwoPi + std::log(a)));
}

// x^a y^b / (a B(a, b)), y = 1 - x
double BetaFactor(double a, double b, double x, double y) {
  const double n = a + b;
  const double log_c = StirlingError(n) - StirlingError(a) - StirlingError(b) - Deviance(a, n * x) -
                       Deviance(b, n * y);
  return std::exp(log_c - 0.5 * (kLogTwoPi + std::log(a) - std::log(b) + std::log(n)));
}

// The continued fraction 1 / (b0 + a1 / (b1 + a2 / (b2 + ...))) of a I_x(a, b) B(a, b) / (x^a y^b),
// in the form of DiDonato and Morris (1992), ACM TOMS algorithm 708, equation 9: the even part of
// DLMF 8.17.22, written so that a y - b x is computed from y. Near x = 1 with a large the plain
// form would lose log10(1 / y) digits.
double BetaFraction(double a, double b, double x, double y) {
  const double lambda = a * y - b * x + 1;
  double f = a * lambda / (a + 1);
  f = std::fabs(f) < kTiny ? kTiny : f;
  double c = f;
  double d = 0;
  for (int m = 1; m < kMaxSteps; ++m) {
    const double k = a + 2.0 * m;
    const double numerator =
        (a + m - 1) * (a + b + m - 1) / (k - 1) * m * (b - m) * x * x / (k - 1);
    const double term = m + m * (b - m) * x / (k - 1) + (a + m) * (lambda + m * (1 + y)) / (k + 1);
    d = term + numerator * d;
    d = 1 / (std::fabs(d) < kTiny ? kTiny : d);
    c = term + numerator / c;
    c = std::fabs(c) < kTiny ? kTiny : c;
    f *= c * d;
    if (std::fabs(c * d - 1) < 4 * kEpsilon) {
      break;
    }
  }
  return a / f;
}

// I_x(a, b) given x and y = 1 - x, both with full digits.
double BetaLower(double a, double b, double x, double y) {
  if (x <= 0) {
    return 0;
  }
  if (y <= 0) {
    return 1;
  }
  if (x < (a + 1) / (a + b + 2)) {
    return std::min(1.0, BetaFactor(a, b, x, y) * BetaFraction(a, b, x, y));
  }
  return std::max(0.0, 1 - BetaFactor(b, a, y, x) * BetaFraction(b, a, y, x));
}

// P(T > t) for t >= 0.
double StudentUpper(double t, double df) {
  if (std::isinf(t)) {
    return 0;
  }
  if (df > 1e7) {
    // Hill (1970), CACM algorithm 395: the normal deviate of the same tail. The next term is below
    // 1e-19 here.
    const double a = df - 0.5;
    const double w2 = std::isinf(df) ? t * t : a * std::log1p(t * t / df);
    const double w = std::sqrt(w2);
    const double b = 48 * a * a;
    return NormalCdf(-(w + (w2 + 3) * w / b));
  }
  if (t > 1e140) {  // where t^2 would overflow the tail is a power law to the last digit
    return StudentUpper(1e140, df) * std::pow(1e140 / t, df);
  }
  const double t2 = t * t;
  return 0.5 * BetaLower(0.5 * df, 0.5, df / (df + t2), t2 / (df + t2));
}

// P(0 < T < t), with full digits near 0.
double StudentCentre(double t, double df) {
  if (df > 1e7) {
    return 0.5 - StudentUpper(t, df);
  }
  const double t2 = t * t;
  return 0.5 * BetaLower(0.5, 0.5 * df, t2 / (df + t2), df / (df + t2));
}

double StudentDensity(double t, double df) {
  if (std::isinf(df)) {
    return kInvSqrtTwoPi * std::exp(-0.5 * t * t);
  }
  // Gamma((df+1)/2) / Gamma(df/2) = sqrt(df/2) exp(...), by the same Stirling errors
  const double h = 0.5 * df;
  const double log_ratio = LogGamma(h + 0.5) - LogGamma(h);
  const double log_c =
      df > 1e4 ? 0.5 * std::log(h) - 1 / (8 * h) + 1 / (192 * h * h * h) : log_ratio;
  return std::exp(log_c - 0.5 * std::log(df * M_PI) - 0.5 * (df + 1) * std::log1p(t * t / df));
}

// The t > 0 with P(T > t) = q, q < 0.3. ln P(T > e^u) is concave in u, so that Newton's steps, once
// right of the root, come down to it without overshooting.
double StudentUpperQuantile(double q, double df) {
  const double z = NormalQuantile(q);
  double u = std::log(std::min(
      1e300, std::isinf(df) ? -z : std::sqrt(df * std::expm1(std::min(600.0, z * z / df)))));
  for (int i = 0; i < 200; ++i) {
    const double t = std::exp(u);
    if (std::isinf(t)) {
      return kInf;
    }
    const double tail = StudentUpper(t, df);
    if (tail <= 0) {
      u -= 1;
      continue;
    }
    // Far out the tail is a power law of slope df, where the density underflows or its own t^2
    // overflows.
    const double slope = t > 1e100 ? df : t * StudentDensity(t, df) / tail;
    const double step = std::clamp(std::log(tail / q) / slope, -50.0, 50.0);
    u += step;
    if (std::fabs(step) < 1e-15) {
      break;
    }
  }
  return std::exp(u);
}

}  // namespace

double LogGamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double NormalCdf(double x) {
  return 0.5 * std::erfc(-x * kSqrtHalf);
}

double NormalQuantile(double p) {
  if (!(p >= 0 && p <= 1)) {
    return kNan;
  }
  if (p == 0 || p == 1) {
    return p == 0 ? -kInf : kInf;
  }
  const double q = p - 0.5;
  if (std::fabs(q) <= 0.25) {
    double x = q / kInvSqrtTwoPi;
    for (int i = 0; i < 8; ++i) {  // Newton on erf: from 0 outwards, monotone
      const double step =
          (q - 0.5 * std::erf(x * kSqrtHalf)) / (kInvSqrtTwoPi * std::exp(-0.5 * x * x));
      x += step;
      if (std::fabs(step) <= 1e-16 * std::fabs(x)) {
        break;
      }
    }
    return x;
  }
  const double tail = q < 0 ? p : 1 - p;
  // Abramowitz and Stegun 26.2.23 (to 4.5e-4), then Halley's steps, each cubing the error.
  const double s = std::sqrt(-2 * std::log(tail));
  double x = -(s - (2.515517 + s * (0.802853 + s * 0.010328)) /
                       (1 + s * (1.432788 + s * (0.189269 + s * 0.001308))));
  for (int i = 0; i < 3; ++i) {
    const double density = kInvSqrtTwoPi * std::exp(-0.5 * x * x);
    const double e = (NormalCdf(x) - tail) / density;
    x -= e / (1 + 0.5 * x * e);
  }
  return q < 0 ? x : -x;
}

double RegularizedBeta(double a, double b, double x) {
  if (!(a > 0 && b > 0 && x >= 0 && x <= 1)) {
    return kNan;
  }
  return BetaLower(a, b, x, 1 - x);
}

double RegularizedGammaQ(double a, double x) {
  if (!(a > 0 && x >= 0)) {
    return kNan;
  }
  if (x == 0 || std::isinf(x)) {
    return x == 0 ? 1 : 0;
  }
  if (x < a + 1 && !(a < 0.5 && x > 0.5)) {  // the series of P, DLMF 8.11.4
    double term = 1;
    double sum = 1;
    for (int n = 1; n < kMaxSteps && term > sum * kEpsilon; ++n) {
      term *= x / (a + n);
      sum += term;
    }
    return std::max(0.0, 1 - GammaFactor(a, x) * sum);
  }
  double b = x + 1 - a;  // the continued fraction of Q, DLMF 8.9.2, by modified Lentz
  double c = 1 / kTiny;
  double d = 1 / b;
  double h = d;
  for (int i = 1; i < kMaxSteps; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = an * d + b;
    d = 1 / (std::fabs(d) < kTiny ? kTiny : d);
    c = b + an / c;
    c = std::fabs(c) < kTiny ? kTiny : c;
    h *= d * c;
    if (std::fabs(d * c - 1) < 4 * kEpsilon) {
      break;
    }
  }
  return std::min(1.0, GammaFactor(a, x) * a * h);
}

double ChiSquareTail(double x, double df) {
  if (!(df > 0) || std::isnan(x)) {
    return kNan;
  }
  return x <= 0 ? 1 : RegularizedGammaQ(0.5 * df, 0.5 * x);
}

double StudentTCdf(double t, double df) {
  if (!(df > 0) || std::isnan(t)) {
    return kNan;
  }
  return t < 0 ? StudentUpper(-t, df) : 1 - StudentUpper(t, df);
}

double StudentTTwoSided(double t, double df) {
  if (!(df > 0) || std::isnan(t)) {
    return kNan;
  }
  return 2 * StudentUpper(std::fabs(t), df);
}

double StudentTQuantile(double p, double df) {
  if (!(p >= 0 && p <= 1) || !(df > 0)) {
    return kNan;
  }
  if (p == 0 || p == 1) {
    return p == 0 ? -kInf : kInf;
  }
  const double centre = p - 0.5;
  const double sign = centre < 0 ? -1 : 1;
  if (std::fabs(centre) > 0.2) {
    return sign * StudentUpperQuantile(centre < 0 ? p : 1 - p, df);
  }
  const double target = std::fabs(centre);
  double t = target / StudentDensity(0, df);
  for (int i = 0; i < 100; ++i) {  // concave and growing: Newton from the left is monotone
    const double step = (target - StudentCentre(t, df)) / StudentDensity(t, df);
    t += step;
    if (std::fabs(step) <= 1e-15 * t) {
      break;
    }
  }
  return sign * t;
}

double BinomialPmf(int64_t k, int64_t n, double p) {
  if (n < 0 || k < 0 || k > n || !(p >= 0 && p <= 1)) {
    return n >= 0 && p >= 0 && p <= 1 ? 0 : kNan;
  }
  const auto x = static_cast<double>(k);
  const auto m = static_cast<double>(n);
  if (p == 0 || p == 1) {
    return k == (p == 0 ? 0 : n) ? 1 : 0;
  }
  if (k == 0) {
    return std::exp(m * std::log1p(-p));
  }
  if (k == n) {
    return std::exp(m * std::log(p));
  }
  return BetaFactor(x, m - x, p, 1 - p) * (m / (m - x));
}

double BinomialCdf(int64_t k, int64_t n, double p) {
  if (n < 0 || !(p >= 0 && p <= 1)) {
    return kNan;
  }
  if (k < 0 || k >= n) {
    return k < 0 ? 0 : 1;
  }
  return BetaLower(static_cast<double>(n - k), static_cast<double>(k) + 1, 1 - p, p);
}

double BinomialTwoSided(int64_t k, int64_t n, double p) {
  if (n < 0 || k < 0 || k > n || !(p >= 0 && p <= 1)) {
    return kNan;
  }
  const double limit = BinomialPmf(k, n, p) * (1 + 1e-7);
  const double mean = static_cast<double>(n) * p;
  const auto x = static_cast<double>(k);
  if (x == mean) {
    return 1;
  }
  if (x < mean) {
    // The likelihood falls beyond the mean: find the first outcome there that is not likelier.
    auto low = static_cast<int64_t>(std::ceil(mean));
    int64_t high = n + 1;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (BinomialPmf(middle, n, p) <= limit) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    const double upper =
        low > n ? 0
                : BetaLower(static_cast<double>(low), static_cast<double>(n - low) + 1, p, 1 - p);
    return std::min(1.0, BinomialCdf(k, n, p) + upper);
  }
  int64_t low = -1;
  auto high = static_cast<int64_t>(std::floor(mean));
  while (low < high) {
    const int64_t middle = low + (high - low + 1) / 2;
    if (BinomialPmf(middle, n, p) <= limit) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  const double lower = low < 0 ? 0 : BinomialCdf(low, n, p);
  const double upper = BetaLower(x, static_cast<double>(n - k) + 1, p, 1 - p);
  return std::min(1.0, lower + upper);
}

}  // namespace hoego
