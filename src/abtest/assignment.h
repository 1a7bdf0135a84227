#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego::abtest {

// Deterministic bucketing as GrowthBook's SDKs do it (specification 0.8.0), so that any of them
// puts a unit into the same arm as we do. All of it is pure. Threads: any.
//
// The text hashed is a sequence of UTF-16 code units, each taken whole, because the reference runs
// in JavaScript: for ids beyond ASCII, hashing UTF-8 bytes would give other arms. A byte that is
// not UTF-8 counts as U+FFFD.

// Where the unit stands in [0, 1), in steps of 1/1000 (version 1) or 1/10000 (version 2); nothing
// for other versions. Version 1 is for imported tests only: with seeds that differ in the last
// character its arms are correlated.
std::optional<double> HashUnit(std::string_view seed, std::string_view value, int version);

// Half-open: a unit at n is inside when start <= n < end.
struct BucketRange {
  double start = 0;
  double end = 0;
  friend bool operator==(const BucketRange&, const BucketRange&) = default;
};

std::vector<double> EqualWeights(int arms);

// One range an arm. Coverage is clamped to 0..1 and shortens every range from its end, so that
// raising it moves nobody between arms. Weights of another number than arms, or with a sum outside
// 0.99..1.01, are replaced by equal ones.
std::vector<BucketRange> BucketRanges(int arms, double coverage, std::span<const double> weights);

// The first range that holds n, or -1.
int ChooseArm(double n, std::span<const BucketRange> ranges);

// Whether the unit belongs to the part of a namespace (a set of mutually exclusive tests) from
// start to end.
bool InNamespace(std::string_view value, std::string_view name, double start, double end);

// Who gets which arm of one test: fixed when the test starts and never changed while it runs.
struct Assignment {
  std::string seed;
  int hash_version = 2;
  std::vector<BucketRange> ranges;

  // The arm's index, or -1 when the unit takes no part. Cost: about 0.1 us for an id of 17
  // characters.
  int Choose(std::string_view unit) const;
};

}  // namespace hoego::abtest
