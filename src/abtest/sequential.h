#pragma once

#include "abtest/effects.h"

namespace hoego::abtest {

// Inference that stays valid however often one looks and whenever one stops. Pure. Threads: any.

// Asymptotic confidence sequence: Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2021), arXiv
// 2103.06476v7, equations 9 and 161 (interval), 155 (one-sided), 134 (its tuning). `tuning` is the
// number of units, of both arms together, at which the interval is to be tightest; off by a factor
// of 10 costs 7 to 27 % of width. One-sided p-values are the root in closed form. Pre: 0 < alpha <
// 1, one-sided 0 < alpha < 0.5; tuning > 0; d.n > 0.
Inference AlwaysValid(const Difference& d, Alternative alternative, double alpha, double tuning);

// Half-width of the two-sided interval in standard errors, where a fixed horizon has 1.96.
double AlwaysValidWidth(double n, double alpha, double tuning);

// Mixture sequential probability ratio test (Johari, Koomen, Pekelis and Walsh, KDD 2017,
// section 4.1) with a normal prior of standard deviation tau on the effect. Two-sided. The p-value
// is of this look alone: keep the running minimum.
Inference MixtureTest(const Difference& d, double alpha, double tau);

}  // namespace hoego::abtest
