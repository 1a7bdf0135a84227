#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "base/random.h"
#include "training/evaluate.h"

namespace hoego::training {
namespace {

const std::vector<double> kA = {0.31, 0.45, 0.12, 0.50, 0.50, 0.08,
                                0.77, 0.63, 0.29, 0.41, 0.35, 0.35};
const std::vector<double> kB = {0.25, 0.41, 0.12, 0.55, 0.40, 0.02,
                                0.71, 0.60, 0.33, 0.30, 0.35, 0.28};
const std::vector<double> kC = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9};
const std::vector<double> kD = {2, 7, 1, 8, 2, 8, 1, 8, 2, 8, 4, 5, 9, 0, 4};

// scipy 1.17: ttest_rel(a, b); wilcoxon(a, b, zero_method="wilcox", correction=False,
// method="asymptotic")
TEST(PairedTestTest, AgreesWithScipy) {
  const PairedTest ab = ComparePaired(kA, kB, 0.95, 1000, 1).value();
  EXPECT_NEAR(ab.t, 2.5056539838518104, 1e-12);
  EXPECT_NEAR(ab.p_t, 0.029211303873906223, 1e-12);
  EXPECT_NEAR(ab.p_wilcoxon, 0.032088733978231254, 1e-12);
  EXPECT_EQ(ab.n, 12u);
  const PairedTest cd = ComparePaired(kC, kD, 0.95, 1000, 1).value();
  EXPECT_NEAR(cd.t, 0.5167054338436243, 1e-12);
  EXPECT_NEAR(cd.p_t, 0.6134270818153271, 1e-12);
  EXPECT_NEAR(cd.p_wilcoxon, 0.4679162843737157, 1e-12) << "many ties";
}

// scipy 1.17: bootstrap((d,), mean, confidence_level=.9, n_resamples=200000, method="percentile") =
// [3.3333, 5.9333]
TEST(PairedTestTest, TheBootstrapIntervalAgreesWithScipyWithinItsOwnNoise) {
  const Interval i = BootstrapMean(kD, 0.9, 200000, 7);
  EXPECT_NEAR(i.low, 3.3333, 0.07);
  EXPECT_NEAR(i.high, 5.9333, 0.07);
}

TEST(PairedTestTest, TheBootstrapDependsOnItsSeedAlone) {
  EXPECT_EQ(BootstrapMean(kA, 0.95, 500, 3).low, BootstrapMean(kA, 0.95, 500, 3).low);
  EXPECT_NE(BootstrapMean(kA, 0.95, 500, 3).low, BootstrapMean(kA, 0.95, 500, 4).low);
  EXPECT_TRUE(std::isnan(BootstrapMean({}, 0.95, 500, 3).low));
}

// The interval of a mean covers it as often as it says: 1,000 draws of 50 values, 90 %, expected
// within 4 sigma (and a percentile interval of 50 values is known to be a little narrow, hence
// .87).
TEST(PairedTestTest, TheBootstrapCoversTheTruthAboutAsOftenAsItSays) {
  Rng rng(11);
  int covered = 0;
  for (int draw = 0; draw < 1000; ++draw) {
    std::vector<double> values(50);
    for (double& v : values) {
      v = rng.Normal();
    }
    const Interval i = BootstrapMean(values, 0.9, 400, static_cast<uint64_t>(draw));
    covered += i.low <= 0 && 0 <= i.high ? 1 : 0;
  }
  EXPECT_NEAR(covered, 885, 4 * std::sqrt(1000 * 0.9 * 0.1));
}

TEST(PairedTestTest, EqualModelsDoNotDiffer) {
  const PairedTest same = ComparePaired(kA, kA, 0.95, 100, 1).value();
  EXPECT_EQ(same.difference, 0);
  EXPECT_EQ(same.p_t, 1);
  EXPECT_EQ(same.p_wilcoxon, 1);
  EXPECT_EQ(same.interval.low, 0);
}

TEST(PairedTestTest, RefusesWhatIsNotPaired) {
  EXPECT_EQ(ComparePaired({1, 2}, {1}, 0.95, 100, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ComparePaired({1}, {1}, 0.95, 100, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ComparePaired(kA, kB, 1.0, 100, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ComparePaired(kA, kB, 0.95, 0, 1).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(ComparePaired({1, std::nan("")}, {1, 2}, 0.95, 100, 1).status().code(),
            Code::kInvalidArgument);
}

RC_GTEST_PROP(PairedTestProperty, SwappingTheModelsTurnsTheSignAndKeepsThePValues, ()) {
  const auto seed = *rc::gen::inRange<uint64_t>(0, 100000);
  Rng rng(seed);
  std::vector<double> a(30);
  std::vector<double> b(30);
  for (size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<double>(rng.Below(10));
    b[i] = static_cast<double>(rng.Below(10));
  }
  const PairedTest ab = ComparePaired(a, b, 0.95, 50, 1).value();
  const PairedTest ba = ComparePaired(b, a, 0.95, 50, 1).value();
  RC_ASSERT(ab.difference == -ba.difference);
  RC_ASSERT(ab.p_t == ba.p_t);
  RC_ASSERT(std::abs(ab.p_wilcoxon - ba.p_wilcoxon) < 1e-12);
}

}  // namespace
}  // namespace hoego::training
