#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "abtest/effects.h"
#include "base/status.h"

namespace hoego::abtest {

// The exact sum of any finite doubles, so that adding in any order, in any partition, then merging,
// gives the same digits: a fixed point number of 2^-1088..2^1088 in 32-bit limbs with room for
// carries (a Kulisch accumulator in the form of Neal 2015, arXiv 1505.05571, section 3). 560 bytes.
// Products are exact too unless they leave the range of double's exponents below 2^-1022, where the
// part below 2^-1074 is dropped.
//
// Threads: one thread at a time. Cost: about 5 ns an addition.
class ExactSum {
 public:
  void Add(double x);  // Pre: finite
  void Subtract(double x) { Add(-x); }
  void AddProduct(double a, double b);  // a * b without rounding. Pre: a, b and a * b finite
  void SubtractProduct(double a, double b) { AddProduct(-a, b); }
  void Merge(const ExactSum& other);

  double value() const;  // rounded to nearest, ties to even
  bool operator==(const ExactSum& other) const;

  // As in docs/formats/test_state.md: the non-zero limbs after carrying.
  void AppendTo(std::string& out) const;
  Status ReadFrom(std::string_view& in);  // consumes what it reads

 private:
  static constexpr int kLimbs = 70;
  static constexpr int kBias = 1088;  // the exponent of limb 0's lowest bit, negated
  void Carry();

  std::array<int64_t, kLimbs> limbs_{};
  uint32_t additions_ = 0;  // since the last Carry
};

// What a test keeps of one arm for one metric: everything that its analysis needs, whatever the
// number of units. y is the unit's outcome; x its denominator for ratio metrics, else 0.
class ArmSums {
 public:
  void Add(double y, double x);
  void Remove(double y, double x);  // takes back an earlier Add of the same numbers
  void Merge(const ArmSums& other);

  uint64_t units() const { return units_; }
  Moments moments() const;
  bool operator==(const ArmSums&) const = default;

  void AppendTo(std::string& out) const;
  Status ReadFrom(std::string_view& in);

 private:
  uint64_t units_ = 0;
  ExactSum y_, yy_, x_, xx_, xy_;
};

}  // namespace hoego::abtest
