#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "storage/database.h"

namespace hoego::tracking::internal {

// A double as an integer in the same order: −∞ < … < −0 < +0 < … < +∞ < NaN (all NaNs are one).
// Kept beside the number because SQL's reals lose NaN and the sign of a zero, and so that "the same
// value" and "the greatest" are exact.
inline int64_t OrderOf(double value) {
  const auto bits =
      std::bit_cast<int64_t>(std::isnan(value) ? std::numeric_limits<double>::quiet_NaN() : value);
  return bits >= 0 ? bits : bits ^ std::numeric_limits<int64_t>::max();
}
inline double ValueOf(int64_t order) {
  return std::bit_cast<double>(order >= 0 ? order : order ^ std::numeric_limits<int64_t>::max());
}

// The number as SQL sees it: null for NaN, which like a null fits no comparison.
inline storage::Value SqlReal(double value) {
  return std::isnan(value) ? storage::Value() : storage::Value(value);
}

}  // namespace hoego::tracking::internal
