#pragma once

#include <string>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "kernels/simd.h"

// Helpers of the kernel tests: run a body at every level of this machine, and make seeded numbers.
namespace hoego::kernels::internal {

// Runs body(level name) once a level and puts the level of before back.
template <class Body>
void AtEveryLevel(const Body& body) {
  const std::string before(SimdLevelName(ActiveSimdLevel()));
  for (const SimdLevel level : SupportedSimdLevels()) {
    const std::string name(SimdLevelName(level));
    HOEGO_CHECK(SetSimdLevel(name).ok());
    body(name);
  }
  HOEGO_CHECK(SetSimdLevel(before).ok());
}

inline std::vector<float> NormalFloats(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& v : values) {
    v = static_cast<float>(rng.Normal());
  }
  return values;
}

// Whole numbers in [-8, 8]: their products and sums are exact in fp32, so every level must agree to
// the bit.
inline std::vector<float> SmallIntegers(size_t n, uint64_t seed) {
  Rng rng(seed);
  std::vector<float> values(n);
  for (float& v : values) {
    v = static_cast<float>(static_cast<int>(rng.Below(17)) - 8);
  }
  return values;
}

// The bound on the difference of two orders of summation: terms · 1.2e-7 · Σ |a·b|.
inline double SumBound(size_t terms, double sum_of_magnitudes) {
  return static_cast<double>(terms) * 1.2e-7 * sum_of_magnitudes;
}

}  // namespace hoego::kernels::internal
