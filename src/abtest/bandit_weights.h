#pragma once

#include <span>
#include <vector>

#include "base/status.h"

namespace hoego::abtest {

// Gaussian Thompson sampling without sampling: the probability that each arm is the best when its
// mean is known up to a normal error, w_k = integral of phi(t) prod_{i != k} Phi((m_k + t s_k -
// m_i) / s_i) dt, to 1e-10. `floor` is the least weight an arm gets: f + (1 - K f) w, equal weights
// where K f >= 1. At most 256 arms; standard errors > 0. InvalidArgument names what was wrong.
// Pure. Threads: any.
Result<std::vector<double>> BestArmWeights(std::span<const double> means,
                                           std::span<const double> standard_errors, double floor);

}  // namespace hoego::abtest
