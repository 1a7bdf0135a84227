#pragma once

#include "abtest/effects.h"

namespace hoego::abtest {

// How many units a test needs and what it can see. Normal approximation. Pure. Threads: any.
// All differences are absolute and positive; a variance is of one unit's outcome.

// The variance of a conversion of rate p, for the functions below. Pre: 0 <= p <= 1.
double ConversionVariance(double p);

// Chance that the test shows an effect of this size. `width` is the half-width of the interval in
// standard errors at the end of the test (AlwaysValidWidth); 0 takes that of a fixed horizon. For
// an always-valid test this is a lower bound: stopping early only adds to it. Pre: n > 0, variances
// >= 0.
double Power(double effect, double control_variance, double control_n, double treatment_variance,
             double treatment_n, Alternative alternative, double alpha, double width = 0);

// The effect shown with this power at these sizes: the inverse of Power in `effect`.
double MinimalEffect(double power, double control_variance, double control_n,
                     double treatment_variance, double treatment_n, Alternative alternative,
                     double alpha, double width = 0);

// Units of both arms together (not rounded) with which a test has this power, when the arms get
// these shares of them. `width` as above; for an always-valid test tuned to its own size it is
// AlwaysValidWidth(1, alpha, 1). Pre: effect > 0.
double UnitsNeeded(double power, double effect, double control_variance, double control_share,
                   double treatment_variance, double treatment_share, Alternative alternative,
                   double alpha, double width = 0);

}  // namespace hoego::abtest
