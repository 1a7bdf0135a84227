#include "abtest/assignment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "abtest/internal/public_data.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/stat_functions.h"

namespace hoego::abtest {
namespace {

// One section of GrowthBook's conformance file, each case as an array.
class GrowthBookCases {
 public:
  explicit GrowthBookCases(const std::string& path)
      : text_(ReadWholeFile(RealDisk(), path).value()) {
    root_ = parser_.Parse(text_).value();
  }
  std::vector<std::vector<JsonRef>> section(const char* name) const {
    std::vector<std::vector<JsonRef>> cases;
    const Status status = root_.Find(name)->ForEachElement([&](JsonRef one) {
      cases.emplace_back();
      return one.ForEachElement([&](JsonRef part) {
        cases.back().push_back(part);
        return Status();
      });
    });
    EXPECT_TRUE(status.ok());
    return cases;
  }

 private:
  std::string text_;
  JsonParser parser_;
  JsonRef root_;
};

std::vector<double> Numbers(JsonRef json) {
  std::vector<double> numbers;
  if (json.is_array()) {
    EXPECT_TRUE(json.ForEachElement([&](JsonRef v) {
                      numbers.push_back(*v.AsDouble());
                      return Status();
                    })
                    .ok());
  }
  return numbers;
}

std::vector<BucketRange> Ranges(JsonRef json) {
  std::vector<BucketRange> ranges;
  EXPECT_TRUE(json.ForEachElement([&](JsonRef v) {
                    const std::vector<double> ends = Numbers(v);
                    ranges.push_back({ends[0], ends[1]});
                    return Status();
                  })
                  .ok());
  return ranges;
}

std::string CasesPath() {
  return internal::PublicData("oracles/growthbook/cases.json");
}

TEST(AssignmentTest, HashesAsGrowthBook) {
  HOEGO_NEEDS_DATA(CasesPath());
  const GrowthBookCases cases(CasesPath());
  const auto section = cases.section("hash");
  EXPECT_EQ(section.size(), 15U);
  for (const auto& c : section) {
    const std::optional<double> n =
        HashUnit(*c[0].AsString(), *c[1].AsString(), static_cast<int>(*c[2].AsInt()));
    EXPECT_EQ(n, c[3].AsDouble()) << *c[0].AsString() << " " << *c[1].AsString();
  }
}

TEST(AssignmentTest, CutsBucketsAsGrowthBook) {
  HOEGO_NEEDS_DATA(CasesPath());
  const GrowthBookCases cases(CasesPath());
  const auto section = cases.section("getBucketRange");
  EXPECT_EQ(section.size(), 13U);
  for (const auto& c : section) {
    std::vector<JsonRef> args;
    ASSERT_TRUE(c[1].ForEachElement([&](JsonRef v) {
                      args.push_back(v);
                      return Status();
                    })
                    .ok());
    const std::vector<BucketRange> got =
        BucketRanges(static_cast<int>(*args[0].AsInt()), *args[1].AsDouble(), Numbers(args[2]));
    const std::vector<BucketRange> want = Ranges(c[2]);
    ASSERT_EQ(got.size(), want.size()) << *c[0].AsString();
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i].start, want[i].start, 1e-12) << *c[0].AsString();
      EXPECT_NEAR(got[i].end, want[i].end, 1e-12) << *c[0].AsString();
    }
  }
}

TEST(AssignmentTest, ChoosesAndWeighsAndDividesNamespacesAsGrowthBook) {
  HOEGO_NEEDS_DATA(CasesPath());
  const GrowthBookCases cases(CasesPath());
  const auto choices = cases.section("chooseVariation");
  EXPECT_EQ(choices.size(), 13U);
  for (const auto& c : choices) {
    EXPECT_EQ(ChooseArm(*c[1].AsDouble(), Ranges(c[2])), *c[3].AsInt()) << *c[0].AsString();
  }
  const auto weights = cases.section("getEqualWeights");
  EXPECT_EQ(weights.size(), 6U);
  for (const auto& c : weights) {
    const std::vector<double> got = EqualWeights(static_cast<int>(*c[0].AsInt()));
    const std::vector<double> want = Numbers(c[1]);
    ASSERT_EQ(got.size(), want.size());
    for (size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i], want[i], 5e-9);  // the file holds eight decimals
    }
  }
  const auto namespaces = cases.section("inNamespace");
  EXPECT_EQ(namespaces.size(), 16U);
  for (const auto& c : namespaces) {
    std::vector<JsonRef> args;
    ASSERT_TRUE(c[2].ForEachElement([&](JsonRef v) {
                      args.push_back(v);
                      return Status();
                    })
                    .ok());
    EXPECT_EQ(InNamespace(*c[1].AsString(), *args[0].AsString(), *args[1].AsDouble(),
                          *args[2].AsDouble()),
              *c[3].AsBool())
        << *c[0].AsString();
  }
}

// The conformance file has no case beyond ASCII; these were computed by the reference SDK (1.6.0).
TEST(AssignmentTest, HashesUtf16CodeUnitsNotBytes) {
  const struct {
    const char* id;
    double v1;
    double v2;
  } cases[] = {{"é", 0.875, 0.976}, {"日本", 0.283, 0.6896}, {"😀", 0.655, 0.7506}};
  for (const auto& c : cases) {
    EXPECT_EQ(HashUnit("exp", c.id, 1), c.v1) << c.id;
    EXPECT_EQ(HashUnit("exp", c.id, 2), c.v2) << c.id;
  }
}

TEST(AssignmentTest, TakesBytesThatAreNotUtf8AsReplacementCharacters) {
  EXPECT_EQ(HashUnit("exp", "\xff", 2), HashUnit("exp", "\xef\xbf\xbd", 2));
  EXPECT_EQ(HashUnit("exp", "a\xc3", 2), HashUnit("exp", "a\xef\xbf\xbd", 2));  // cut short
  EXPECT_EQ(HashUnit("exp", "\xed\xa0\x80", 2),
            HashUnit("exp", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", 2));  // surrogate
  EXPECT_NE(HashUnit("exp", "\xc3\xa9", 2), HashUnit("exp", "\xef\xbf\xbd", 2));
}

TEST(AssignmentTest, RaisingCoverageMovesNobodyBetweenArms) {
  const std::vector<double> weights = {0.2, 0.3, 0.5};
  const std::vector<BucketRange> tenth = BucketRanges(3, 0.1, weights);
  const std::vector<BucketRange> half = BucketRanges(3, 0.5, weights);
  int moved = 0;
  for (int i = 0; i < 10000; ++i) {
    const double n = i / 10000.0;
    const int before = ChooseArm(n, tenth);
    moved += before >= 0 && ChooseArm(n, half) != before ? 1 : 0;
  }
  EXPECT_EQ(moved, 0);
}

// Seeded by nothing: the hash of the first 200,000 ids is what it is. 999 degrees of freedom.
TEST(AssignmentTest, SpreadsUnitsEvenlyOverAThousandBuckets) {
  for (const char* seed : {"home-1", "home-2", "checkout"}) {
    std::vector<double> counts(1000);
    constexpr int kUnits = 200000;
    for (int i = 0; i < kUnits; ++i) {
      counts[static_cast<size_t>(*HashUnit(seed, "user-" + std::to_string(i), 2) * 1000 + 1e-9)] +=
          1;
    }
    double chi2 = 0;
    for (const double c : counts) {
      chi2 += (c - kUnits / 1000.0) * (c - kUnits / 1000.0) / (kUnits / 1000.0);
    }
    const double p = ChiSquareTail(chi2, 999);
    EXPECT_GT(p, 1e-4) << seed << " chi2 " << chi2;
    EXPECT_LT(p, 1 - 1e-4) << seed << " chi2 " << chi2;
  }
}

// Published for version 1: keys that differ in the last character are not independent, chi2(1) =
// 305; version 2 is.
TEST(AssignmentTest, ArmsOfTwoTestsAreIndependentOnlyInVersionTwo) {
  for (const int version : {1, 2}) {
    double table[2][2] = {};
    constexpr int kUnits = 100000;
    for (int i = 0; i < kUnits; ++i) {
      const std::string id = std::to_string(i);
      table[*HashUnit("exp-1", id, version) < 0.5 ? 0 : 1]
           [*HashUnit("exp-2", id, version) < 0.5 ? 0 : 1] += 1;
    }
    double chi2 = 0;
    for (const int r : {0, 1}) {
      for (const int c : {0, 1}) {
        const double want = (table[r][0] + table[r][1]) * (table[0][c] + table[1][c]) / kUnits;
        chi2 += (table[r][c] - want) * (table[r][c] - want) / want;
      }
    }
    if (version == 1) {
      EXPECT_GT(chi2, 100);
    } else {
      EXPECT_LT(chi2, 10);
    }
  }
}

RC_GTEST_PROP(AssignmentTest, SameUnitSameArmAndRangesNeverOverlap, ()) {
  const auto arms = *rc::gen::inRange<size_t>(1, 6);
  std::vector<double> weights;
  double sum = 0;
  for (size_t i = 0; i < arms; ++i) {
    weights.push_back(*rc::gen::inRange(1, 100));
    sum += weights.back();
  }
  for (double& w : weights) {
    w /= sum;
  }
  const double coverage = *rc::gen::inRange(0, 101) / 100.0;
  Assignment a{*rc::gen::arbitrary<std::string>(), 2,
               BucketRanges(static_cast<int>(arms), coverage, weights)};
  const auto unit = *rc::gen::arbitrary<std::string>();
  const Assignment copy = a;
  RC_ASSERT(a.Choose(unit) == copy.Choose(unit));
  for (size_t i = 1; i < a.ranges.size(); ++i) {
    RC_ASSERT(a.ranges[i - 1].end <= a.ranges[i].start + 1e-15);
  }
}

}  // namespace
}  // namespace hoego::abtest
