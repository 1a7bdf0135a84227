#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego::abtest {

// p-values adjusted for being many, in the order given: "holm" (Holm 1979, family-wise error),
// "bonferroni", "bh" (Benjamini and Hochberg 1995, false discovery rate). InvalidArgument for
// another method or a p outside 0..1. Pure. Threads: any.
Result<std::vector<double>> AdjustPValues(std::span<const double> p_values,
                                          std::string_view method);

}  // namespace hoego::abtest
