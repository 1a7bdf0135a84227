#include "tracking/internal/metric_value.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace hoego::tracking::internal {
namespace {

TEST(MetricValueTest, KeepsEveryBitAndTheOrder) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> ascending = {
      -kInfinity, -1.7976931348623157e308, -1.0,      -5e-324,     -0.0, 0.0, 5e-324, 0.1,
      1.0,        1.7976931348623157e308,  kInfinity, std::nan("")};
  for (size_t i = 0; i < ascending.size(); ++i) {
    const double back = ValueOf(OrderOf(ascending[i]));
    EXPECT_EQ(std::isnan(back), std::isnan(ascending[i]));
    if (!std::isnan(back)) {
      EXPECT_EQ(std::bit_cast<uint64_t>(back), std::bit_cast<uint64_t>(ascending[i]));
    }
    if (i > 0) {
      EXPECT_LT(OrderOf(ascending[i - 1]), OrderOf(ascending[i])) << ascending[i];
    }
  }
  EXPECT_EQ(OrderOf(-std::nan("")), OrderOf(std::nan("7")));
}

RC_GTEST_PROP(MetricValueTest, AnyTwoNumbersKeepTheirOrder, (uint64_t a_bits, uint64_t b_bits)) {
  const auto a = std::bit_cast<double>(a_bits);
  const auto b = std::bit_cast<double>(b_bits);
  RC_PRE(!std::isnan(a) && !std::isnan(b));
  RC_ASSERT(std::bit_cast<uint64_t>(ValueOf(OrderOf(a))) == a_bits);
  if (a < b) {
    RC_ASSERT(OrderOf(a) < OrderOf(b));
  }
}

}  // namespace
}  // namespace hoego::tracking::internal
