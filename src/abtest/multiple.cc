#include "abtest/multiple.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

namespace hoego::abtest {

Result<std::vector<double>> AdjustPValues(std::span<const double> p_values,
                                          std::string_view method) {
  if (method != "holm" && method != "bh" && method != "bonferroni") {
    return Status::InvalidArgument(
        fmt::format("method \"{}\" is unknown, expected holm, bh or bonferroni", method));
  }
  for (const double p : p_values) {
    if (!(p >= 0 && p <= 1)) {
      return Status::InvalidArgument(fmt::format("a p-value is {}, expected 0 to 1", p));
    }
  }
  const size_t m = p_values.size();
  std::vector<size_t> order(m);
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return p_values[a] < p_values[b]; });
  std::vector<double> adjusted(m);
  if (method == "bh") {
    double least = 1;
    for (size_t i = m; i-- > 0;) {
      least =
          std::min(least, p_values[order[i]] * static_cast<double>(m) / static_cast<double>(i + 1));
      adjusted[order[i]] = least;
    }
    return adjusted;
  }
  double most = 0;
  for (size_t i = 0; i < m; ++i) {
    const size_t factor = method == "holm" ? m - i : m;
    const double p = std::min(1.0, p_values[order[i]] * static_cast<double>(factor));
    most = method == "holm" ? std::max(most, p) : p;
    adjusted[order[i]] = most;
  }
  return adjusted;
}

}  // namespace hoego::abtest
