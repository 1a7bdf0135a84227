#pragma once

#include <cstdint>

namespace hoego {

// Distribution functions that statistics stand on, to about 1e-12 relative also far out in the
// tails, where a p-value of 1e-200 must not become 0. Arguments outside a function's domain, and
// NaN, give NaN. Pure functions. Threads: any (std::lgamma is not used: it writes the global
// signgam).
//
// Methods: continued fractions by Lentz's algorithm for the incomplete beta and gamma functions,
// their leading factor by the saddle point form of Loader (2000), "Fast and accurate computation of
// binomial probabilities", so that parameters of 1e8 lose no digits to differences of log-gammas.

double LogGamma(double x);  // ln |Gamma(x)|

double NormalCdf(double x);
double NormalQuantile(double p);  // 0 gives -inf, 1 gives +inf

// I_x(a, b), the regularised incomplete beta function. Pre: a, b > 0; 0 <= x <= 1. Cost:
// O(sqrt(max(a, b))) steps.
double RegularizedBeta(double a, double b, double x);

// Q(a, x) = Gamma(a, x) / Gamma(a). Pre: a > 0; x >= 0. For a < 0.01 and x < 0.5 the result has
// fewer digits (it is 1 - P).
double RegularizedGammaQ(double a, double x);

// P(X > x) for X chi-square with df degrees of freedom. Pre: df > 0.
double ChiSquareTail(double x, double df);

// Student's t with df degrees of freedom, which need not be whole. Pre: df > 0; infinity gives the
// normal distribution.
double StudentTCdf(double t, double df);
double StudentTTwoSided(double t, double df);  // P(|T| >= |t|)
double StudentTQuantile(double p, double df);  // infinite when beyond the range of double

// P(X <= k) and P(X = k) for X binomial (n, p).
double BinomialCdf(int64_t k, int64_t n, double p);
double BinomialPmf(int64_t k, int64_t n, double p);

// The exact two-sided p-value of k successes in n: the probability of all outcomes not likelier
// than k (a tie is counted when it agrees to 1e-7). Pre: 0 <= k <= n; 0 <= p <= 1. Cost: O(log n)
// probabilities and two tails.
double BinomialTwoSided(int64_t k, int64_t n, double p);

}  // namespace hoego
