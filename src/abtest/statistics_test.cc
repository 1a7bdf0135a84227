// Do the intervals and p-values keep their promise? Seeded simulations; every bound is a published
// figure or the nominal level, with 4 binomial standard errors of room.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <string>
#include <vector>

#include "abtest/effects.h"
#include "abtest/internal/fold_records.h"
#include "abtest/power.h"
#include "abtest/ratio_check.h"
#include "abtest/report.h"
#include "abtest/sequential.h"
#include "base/random.h"
#include "base/stat_functions.h"

namespace hoego::abtest {
namespace {

void ExpectShare(double hits, double trials, double want, const char* what) {
  const double se = std::sqrt(want * (1 - want) / trials);
  EXPECT_NEAR(hits / trials, want, 4 * se + 0.0005) << what;  // published with that many digits
}

// The A/A suite of the field: 30 daily looks of 200 + 200 normal outcomes.
struct Stopped {
  int last = 0;
  int any_fixed = 0;
  int cs_500 = 0;
  int cs_5000 = 0;
  int cs_12000 = 0;
  int cs_100000 = 0;
  int msprt_05 = 0;
  int msprt_10 = 0;
  int bonferroni = 0;
};

Stopped Simulate(int sims, double effect, uint64_t seed) {
  Rng rng(seed);
  Stopped stopped;
  for (int s = 0; s < sims; ++s) {
    Moments arms[2];
    Stopped one;
    for (int look = 0; look < 30; ++look) {
      for (int arm = 0; arm < 2; ++arm) {
        for (int i = 0; i < 200; ++i) {
          const double y = rng.Normal() + (arm == 1 ? effect : 0);
          arms[arm].n += 1;
          arms[arm].sum += y;
          arms[arm].sum_squares += y * y;
        }
      }
      const Difference d =
          Compare(*EstimateMean(arms[0]), *EstimateMean(arms[1]), Scale::kAbsolute).value();
      const double p = FixedHorizon(d, Alternative::kTwoSided, 0.05).p_value;
      const auto sequential = [&](double tuning) {
        return AlwaysValid(d, Alternative::kTwoSided, 0.05, tuning).p_value < 0.05 ? 1 : 0;
      };
      one.last = p < 0.05 ? 1 : 0;
      one.any_fixed |= one.last;
      one.bonferroni |= p < 0.05 / 30 ? 1 : 0;
      one.cs_500 |= sequential(500);
      one.cs_5000 |= sequential(5000);
      one.cs_12000 |= sequential(12000);
      one.cs_100000 |= sequential(100000);
      one.msprt_05 |= MixtureTest(d, 0.05, 0.05).p_value < 0.05 ? 1 : 0;
      one.msprt_10 |= MixtureTest(d, 0.05, 0.1).p_value < 0.05 ? 1 : 0;
    }
    stopped.last += one.last;
    stopped.any_fixed += one.any_fixed;
    stopped.cs_500 += one.cs_500;
    stopped.cs_5000 += one.cs_5000;
    stopped.cs_12000 += one.cs_12000;
    stopped.cs_100000 += one.cs_100000;
    stopped.msprt_05 += one.msprt_05;
    stopped.msprt_10 += one.msprt_10;
    stopped.bonferroni += one.bonferroni;
  }
  return stopped;
}

TEST(StatisticsTest, ReproducesThePublishedFalsePositivesOfDailyLooks) {
  constexpr int kSims = 3000;
  const Stopped s = Simulate(kSims, 0, 1);
  ExpectShare(s.last, kSims, 0.052, "last look");
  ExpectShare(s.any_fixed, kSims, 0.284, "first crossing of 1.96");
  ExpectShare(s.cs_500, kSims, 0.014, "always valid, tuned to 500");
  ExpectShare(s.cs_5000, kSims, 0.016, "always valid, tuned to 5,000");
  ExpectShare(s.cs_12000, kSims, 0.012, "always valid, tuned to 12,000");
  ExpectShare(s.cs_100000, kSims, 0.0005, "always valid, tuned to 100,000");
  ExpectShare(s.msprt_05, kSims, 0.012, "msprt, tau 0.05");
  ExpectShare(s.msprt_10, kSims, 0.017, "msprt, tau 0.1");
  ExpectShare(s.bonferroni, kSims, 0.015, "Bonferroni");
}

TEST(StatisticsTest, ReproducesThePublishedPowerOfDailyLooks) {
  constexpr int kSims = 1500;
  const Stopped s = Simulate(kSims, 0.04, 2);
  ExpectShare(s.last, kSims, 0.586, "fixed horizon");
  ExpectShare(s.cs_12000, kSims, 0.28, "always valid");
  ExpectShare(s.msprt_05, kSims, 0.28, "msprt");
  ExpectShare(s.bonferroni, kSims, 0.26, "Bonferroni");
  // What the power function promises for the fixed horizon: 6,000 an arm, 0.04 of a standard
  // deviation.
  EXPECT_NEAR(Power(0.04, 1, 6000, 1, 6000, Alternative::kTwoSided, 0.05), 0.586, 0.01);
}

// A look after every single unit from 50 an arm on, far more often than any caller will ask.
TEST(StatisticsTest, PeekingAfterEveryUnitKeepsTheFalsePositivesBelowAlpha) {
  constexpr int kSims = 1000;
  Rng rng(3);
  int crossed = 0;
  for (int s = 0; s < kSims; ++s) {
    Moments arms[2];
    bool hit = false;
    for (int i = 0; i < 4000 && !hit; ++i) {
      Moments& m = arms[i % 2];
      const double y = rng.Chance(0.15) ? 1 : 0;
      m.n += 1;
      m.sum += y;
      m.sum_squares += y;
      if (i >= 200) {
        const Result<Difference> d =
            Compare(*EstimateProportion(arms[0]), *EstimateProportion(arms[1]), Scale::kAbsolute);
        hit = d.ok() && std::fabs(d->effect) > d->se * AlwaysValidWidth(d->n, 0.05, 2000);
      }
    }
    crossed += hit ? 1 : 0;
  }
  EXPECT_LE(crossed, 0.05 * kSims) << "of " << kSims;
  EXPECT_GT(crossed, 0);
}

// The whole way, records to decision: an A/A test asked for its verdict after every tenth unit.
TEST(StatisticsTest, AnAATestRarelyShipsOrRollsBack) {
  constexpr int kSims = 300;
  Rng rng(4);
  int wrong = 0;
  for (int s = 0; s < kSims; ++s) {
    TestDefinition definition;
    definition.plan = internal::TwoArms();
    definition.plan.tuning = 1000;
    definition.plan.min_effect = 0;
    definition.state = TestState::kRunning;
    internal::RecordMaker make;
    TestFold fold(definition.plan, internal::RecordMaker::FindType);
    bool decided = false;
    for (uint32_t u = 0; u < 800 && !decided; ++u) {
      const char* arm = rng.Chance(0.5) ? "treatment" : "control";
      fold.Add(make.Exposure(u, "t1", arm));
      fold.Add(make.Decision(u, "t1", arm, u + 1));
      if (rng.Chance(0.3)) {
        fold.Add(make.Event(u, internal::RecordMaker::kWatch, u + 1));
      }
      if (u >= 200 && u % 10 == 0) {
        const Verdict v = MakeReport(definition, fold.figures(), {}).decision.verdict;
        decided = v == Verdict::kShip || v == Verdict::kRollBack;
      }
    }
    wrong += decided ? 1 : 0;
  }
  EXPECT_LE(wrong, 0.05 * kSims) << "of " << kSims;
}

TEST(StatisticsTest, FixedHorizonIntervalsCoverTheTruth) {
  constexpr int kSims = 6000;
  Rng rng(5);
  int binary = 0;
  int skewed = 0;
  int ratio = 0;
  const double revenue_mean = 0.3 * std::exp(0.5 * 0.8 * 0.8);  // 30 % buy for a lognormal amount
  for (int s = 0; s < kSims; ++s) {
    Moments b[2];
    Moments m[2];
    Moments r[2];
    for (int arm = 0; arm < 2; ++arm) {
      for (int i = 0; i < 400; ++i) {
        const double hit = rng.Chance(arm == 0 ? 0.2 : 0.25) ? 1 : 0;
        b[arm].n += 1;
        b[arm].sum += hit;
        const double spend =
            rng.Chance(0.3) ? std::exp(0.8 * rng.Normal()) * (arm == 0 ? 1 : 1.2) : 0;
        m[arm].n += 1;
        m[arm].sum += spend;
        m[arm].sum_squares += spend * spend;
        // Views of a user who has her own rate of clicking: one click a view would be correlated
        // within her.
        const auto views = static_cast<double>(1 + rng.Below(8));
        const double own = arm == 0 ? 0.05 + 0.3 * rng.Uniform() : 0.05 + 0.4 * rng.Uniform();
        double clicks = 0;
        for (int v = 0; v < static_cast<int>(views); ++v) {
          clicks += rng.Chance(own) ? 1 : 0;
        }
        r[arm].n += 1;
        r[arm].sum += clicks;
        r[arm].sum_squares += clicks * clicks;
        r[arm].denominator_sum += views;
        r[arm].denominator_sum_squares += views * views;
        r[arm].cross_sum += views * clicks;
      }
    }
    const auto covers = [](const Result<Estimate>& c, const Result<Estimate>& t, double truth) {
      const Inference i =
          FixedHorizon(Compare(*c, *t, Scale::kAbsolute).value(), Alternative::kTwoSided, 0.05);
      return *i.low <= truth && truth <= *i.high ? 1 : 0;
    };
    binary += covers(EstimateProportion(b[0]), EstimateProportion(b[1]), 0.05);
    skewed += covers(EstimateMean(m[0]), EstimateMean(m[1]), 0.2 * revenue_mean);
    ratio += covers(EstimateRatio(r[0]), EstimateRatio(r[1]), 0.05);
  }
  for (const auto& [name, hits] : {std::pair("binary", binary), std::pair("skewed revenue", skewed),
                                   std::pair("ratio", ratio)}) {
    EXPECT_GE(hits, 0.94 * kSims) << name;
    EXPECT_LE(hits, 0.96 * kSims) << name;
  }
}

// Taking clicks as independent of whose they are would cover far less: the delta method is not
// decoration.
TEST(StatisticsTest, IgnoringUsersWouldNarrowTheIntervalOfARatio) {
  Rng rng(6);
  Moments r;
  double views_all = 0;
  for (int i = 0; i < 2000; ++i) {
    const double own = rng.Chance(0.5) ? 0.05 : 0.5;
    const double views = 20;
    double clicks = 0;
    for (int v = 0; v < 20; ++v) {
      clicks += rng.Chance(own) ? 1 : 0;
    }
    r.n += 1;
    r.sum += clicks;
    r.sum_squares += clicks * clicks;
    r.denominator_sum += views;
    r.denominator_sum_squares += views * views;
    r.cross_sum += views * clicks;
    views_all += views;
  }
  const Estimate e = EstimateRatio(r).value();
  const double naive = e.value * (1 - e.value) / views_all;
  EXPECT_GT(e.variance / e.n, 3 * naive);
}

TEST(StatisticsTest, SampleRatioAlarmsAreAsRareAsTheyClaim) {
  constexpr int kSims = 40000;
  Rng rng(7);
  int alarms = 0;
  for (int s = 0; s < kSims; ++s) {
    int ones = 0;
    for (int i = 0; i < 32; ++i) {
      ones += std::popcount(rng.Next());
    }
    const double observed[] = {static_cast<double>(ones), 2048.0 - ones};
    const double expected[] = {0.5, 0.5};
    alarms += CheckRatio(observed, expected)->p_value < 0.01 ? 1 : 0;
  }
  ExpectShare(alarms, kSims, 0.01, "chi-square at 0.01");
}

TEST(StatisticsTest, TheAlwaysValidSampleRatioCheckSurvivesPeeking) {
  constexpr int kSims = 1500;
  Rng rng(8);
  int fixed = 0;
  int always = 0;
  int found = 0;
  for (int s = 0; s < kSims; ++s) {
    bool fixed_hit = false;
    bool always_hit = false;
    bool found_hit = false;
    double fair[2] = {};
    double skewed[2] = {};
    for (int i = 1; i <= 4000; ++i) {
      fair[rng.Chance(0.5) ? 1 : 0] += 1;
      skewed[rng.Chance(0.56) ? 1 : 0] += 1;
      if (i % 20 == 0) {
        const double expected[] = {0.5, 0.5};
        const RatioCheck check = CheckRatio(fair, expected).value();
        fixed_hit = fixed_hit || check.p_value < 0.01;
        always_hit = always_hit || check.always_valid_p_value < 0.01;
        found_hit = found_hit || CheckRatio(skewed, expected)->always_valid_p_value < 0.01;
      }
    }
    fixed += fixed_hit ? 1 : 0;
    always += always_hit ? 1 : 0;
    found += found_hit ? 1 : 0;
  }
  EXPECT_LE(always, 0.01 * kSims + 4 * std::sqrt(0.01 * kSims));
  EXPECT_GT(fixed, 0.05 * kSims);  // why the other is needed
  EXPECT_GT(found, 0.95 * kSims);
}

// Units needed, then as many units: the power that was asked for comes out.
TEST(StatisticsTest, PlannedUnitsGiveThePlannedPower) {
  constexpr int kSims = 4000;
  const double units = UnitsNeeded(0.8, 0.05, ConversionVariance(0.2), 0.5,
                                   ConversionVariance(0.25), 0.5, Alternative::kTwoSided, 0.05);
  const auto n = static_cast<int>(std::ceil(units / 2));
  Rng rng(9);
  int found = 0;
  for (int s = 0; s < kSims; ++s) {
    Moments m[2];
    for (int arm = 0; arm < 2; ++arm) {
      m[arm].n = n;
      for (int i = 0; i < n; ++i) {
        m[arm].sum += rng.Chance(arm == 0 ? 0.2 : 0.25) ? 1 : 0;
      }
    }
    const Difference d =
        Compare(*EstimateProportion(m[0]), *EstimateProportion(m[1]), Scale::kAbsolute).value();
    found += FixedHorizon(d, Alternative::kTwoSided, 0.05).p_value < 0.05 ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(found) / kSims, 0.8, 4 * std::sqrt(0.16 / kSims) + 0.005);
}

// Published widths of the sequence against the fixed interval at alpha 0.05.
TEST(StatisticsTest, TheSequenceIsAsMuchWiderAsPublished) {
  const struct {
    double n_over_tuning;
    double want;
  } cases[] = {{1, 1.549}, {10, 1.654}, {0.1, 1.967}, {200, 1.866}};
  for (const auto& c : cases) {
    const double ratio =
        AlwaysValidWidth(5000 * c.n_over_tuning, 0.05, 5000) / NormalQuantile(0.975);
    EXPECT_NEAR(ratio, c.want, 0.0006) << c.n_over_tuning;
  }
}

}  // namespace
}  // namespace hoego::abtest
