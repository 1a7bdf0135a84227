#pragma once

#include <span>

#include "base/status.h"

namespace hoego::abtest {

// Sample ratio mismatch: did the arms get the shares of units that they were meant to get? When
// not, something between assignment and counting loses units by arm, and no figure of the test can
// be trusted.
struct RatioCheck {
  double p_value = 1;               // chi-square, k - 1 degrees of freedom: right for one look
  double always_valid_p_value = 1;  // right for any number of looks
};

inline constexpr double kMismatch = 0.001;        // below: the test is invalid
inline constexpr double kMismatchWarning = 0.01;  // below: worth a look

// `expected` are weights of any sum. Arms of weight 0 are left out with their units; with fewer
// than two arms or no unit both p-values are 1. The always-valid one is Lindon and Malek (NeurIPS
// 2022), equation 5: the multinomial likelihood over a Dirichlet mixture of concentration 100.
// InvalidArgument names a negative or infinite number, or unequal lengths. Pure. Threads: any.
Result<RatioCheck> CheckRatio(std::span<const double> observed, std::span<const double> expected);

}  // namespace hoego::abtest
