// Real tests that others ran: counts and p-values published or computed with scipy from the same
// files.
#include "abtest/internal/public_data.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "abtest/analyze.h"
#include "abtest/effects.h"
#include "abtest/multiple.h"
#include "abtest/ratio_check.h"
#include "abtest/sequential.h"
#include "base/disk.h"
#include "base/line_reader.h"
#include "base/stat_functions.h"
#include "base/text.h"

namespace hoego::abtest {
namespace {

std::string DataPath(std::string_view name) {
  return internal::PublicData("abtests/" + std::string(name));
}

std::map<std::string, std::vector<double>> ReadMatrix(const std::string& path) {
  std::map<std::string, std::vector<double>> rows;
  LineReader lines = LineReader::Open(path).value();
  (void)lines.Next().value();
  while (const std::optional<std::string_view> line = lines.Next().value()) {
    const std::vector<std::string_view> cells = Split(*line, ',');
    for (size_t i = 1; i < cells.size(); ++i) {
      rows[std::string(cells[0])].push_back(*ParseDouble(cells[i]));
    }
  }
  return rows;
}

// 4,873 headline tests of Upworthy, 81 million impressions.
TEST(PublicDataTest, FindsThePublishedMismatchesAndEffectsOfUpworthy) {
  const std::string impressions = DataPath("upworthy_impressions.csv.xz");
  HOEGO_NEEDS_DATA(impressions);
  const auto n = ReadMatrix(impressions);
  const auto y = ReadMatrix(DataPath("upworthy_clicks.csv.xz"));
  ASSERT_EQ(n.size(), 4873U);
  int below[3] = {};
  std::vector<double> homogeneity;
  double all_n = 0;
  double all_y = 0;
  for (const auto& [id, counts] : n) {
    std::vector<double> observed;
    double clicks = 0;
    double views = 0;
    for (size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] > 0) {
        observed.push_back(counts[i]);
        views += counts[i];
        clicks += y.at(id)[i];
      }
    }
    all_n += views;
    all_y += clicks;
    const double p = CheckRatio(observed, std::vector<double>(observed.size(), 1)).value().p_value;
    below[0] += p < 0.001 ? 1 : 0;
    below[1] += p < 0.01 ? 1 : 0;
    below[2] += p < 0.05 ? 1 : 0;
    if (clicks > 0) {
      const double rate = clicks / views;
      double chi2 = 0;
      for (size_t i = 0; i < counts.size(); ++i) {
        if (counts[i] > 0) {
          const double d = y.at(id)[i] - counts[i] * rate;
          chi2 += d * d / (counts[i] * rate * (1 - rate));
        }
      }
      homogeneity.push_back(ChiSquareTail(chi2, static_cast<double>(observed.size()) - 1));
    }
  }
  EXPECT_EQ(all_n, 81'024'151);
  EXPECT_EQ(all_y, 1'231'208);
  EXPECT_EQ(below[0], 753);
  EXPECT_EQ(below[1], 912);
  EXPECT_EQ(below[2], 1203);
  EXPECT_EQ(homogeneity.size(), 4872U);
  const auto found = [&](const std::vector<double>& p) {
    return std::count_if(p.begin(), p.end(), [](double v) { return v < 0.05; });
  };
  EXPECT_EQ(found(homogeneity), 2203);
  EXPECT_EQ(found(AdjustPValues(homogeneity, "bh").value()), 1711);
  EXPECT_EQ(found(AdjustPValues(homogeneity, "holm").value()), 492);
  EXPECT_EQ(found(AdjustPValues(homogeneity, "bonferroni").value()), 487);
}

struct Look {
  double time = 0;
  Estimate control;
  Estimate treatment;
};

// 396 time series of ASOS; rows with empty cells are left out, as published.
std::map<std::string, std::vector<Look>> ReadAsos(const std::string& path, size_t& rows,
                                                  size_t& gaps) {
  std::map<std::string, std::vector<Look>> streams;
  LineReader lines = LineReader::Open(path).value();
  (void)lines.Next().value();
  while (const std::optional<std::string_view> line = lines.Next().value()) {
    ++rows;
    const std::vector<std::string_view> c = Split(*line, ',');
    std::vector<double> v;
    for (size_t i = 3; i < c.size(); ++i) {
      if (const std::optional<double> number = ParseDouble(c[i])) {
        v.push_back(*number);
      }
    }
    if (v.size() != 7) {
      ++gaps;
      continue;
    }
    const std::string key = std::string(c[0]) + "/" + std::string(c[1]) + "/" + std::string(c[2]);
    streams[key].push_back({v[0], {v[1], v[3], v[5]}, {v[2], v[4], v[6]}});
  }
  for (auto& [key, looks] : streams) {
    std::stable_sort(looks.begin(), looks.end(),
                     [](const Look& a, const Look& b) { return a.time < b.time; });
  }
  return streams;
}

TEST(PublicDataTest, FindsThePublishedCountsOfAsos) {
  const std::string path = DataPath("asos_digital_experiments.csv.xz");
  HOEGO_NEEDS_DATA(path);
  size_t rows = 0;
  size_t gaps = 0;
  const auto streams = ReadAsos(path, rows, gaps);
  EXPECT_EQ(rows, 24153U);
  EXPECT_EQ(streams.size(), 381U);
  int last = 0;
  int any = 0;
  int cs_5000 = 0;
  int cs_million = 0;
  std::map<std::string, double> srm;
  for (const auto& [key, looks] : streams) {
    bool any_hit = false;
    bool small_hit = false;
    bool large_hit = false;
    bool last_hit = false;
    for (const Look& look : looks) {
      const Result<Difference> d = Compare(look.control, look.treatment, Scale::kAbsolute);
      if (!d.ok()) {
        continue;
      }
      last_hit = FixedHorizon(*d, Alternative::kTwoSided, 0.05).p_value < 0.05;
      any_hit = any_hit || last_hit;
      small_hit = small_hit || AlwaysValid(*d, Alternative::kTwoSided, 0.05, 5000).p_value < 0.05;
      large_hit = large_hit || AlwaysValid(*d, Alternative::kTwoSided, 0.05, 1e6).p_value < 0.05;
    }
    last += last_hit ? 1 : 0;
    any += any_hit ? 1 : 0;
    cs_5000 += small_hit ? 1 : 0;
    cs_million += large_hit ? 1 : 0;
    if (key.ends_with("/1")) {
      const double observed[] = {looks.back().control.n, looks.back().treatment.n};
      const double expected[] = {1, 1};
      srm[key] = CheckRatio(observed, expected).value().p_value;
    }
  }
  EXPECT_EQ(last, 105);
  EXPECT_EQ(any, 225);  // as scipy 1.17 counts over the same rows; a published count says 224
  EXPECT_EQ(cs_5000, 71);
  EXPECT_EQ(cs_million, 100);
  EXPECT_EQ(srm.size(), 99U);
  EXPECT_EQ(std::count_if(srm.begin(), srm.end(), [](const auto& s) { return s.second < 0.001; }),
            12);
  const Look& check = streams.at("d0b910/1/1").back();
  const Difference d = Compare(check.control, check.treatment, Scale::kAbsolute).value();
  EXPECT_NEAR(d.effect, -0.00033935236, 5e-12);
  EXPECT_NEAR(d.se, 0.0002589992, 5e-11);
  EXPECT_NEAR(FixedHorizon(d, Alternative::kTwoSided, 0.05).p_value, 0.19011306, 5e-9);
}

// Cookie Cats: p-values by scipy from the same file.
TEST(PublicDataTest, AnalyzesCookieCatsFromItsFile) {
  const std::string path = DataPath("cookie_cats.csv.xz");
  HOEGO_NEEDS_DATA(path);
  AnalyzeOptions options;
  options.unit_column = "userid";
  options.arm_column = "version";
  options.metric_column = "retention_7";
  options.control = "gate_30";
  const VerdictReport seven = AnalyzeCsv(path, options).value();
  EXPECT_EQ(seven.rows, 90189U);
  EXPECT_EQ(seven.arms[0].units, 44700U);
  EXPECT_NEAR(seven.srm_p, 0.008608, 5e-7);
  EXPECT_TRUE(seven.srm_warning);
  EXPECT_EQ(seven.decision.verdict, Verdict::kRollBack);  // the later gate loses players
  ASSERT_TRUE(seven.effect);
  EXPECT_NEAR(seven.effect->absolute, -0.008201298315205913, 1e-15);
  EXPECT_NEAR(seven.effect->p_value, 0.0015563425267871363, 1e-14);
  EXPECT_NEAR(seven.effect->absolute_low, -0.013281620681020612, 1e-13);
  EXPECT_NEAR(seven.effect->absolute_high, -0.003120975949391212, 1e-13);
  EXPECT_NE(VerdictJson(seven).find("\"rows\":90189"), std::string::npos);
  options.metric_column = "sum_gamerounds";
  const VerdictReport rounds = AnalyzeCsv(path, options).value();
  EXPECT_NEAR(rounds.effect->p_value, 0.37592438409326173, 1e-13);
  EXPECT_EQ(rounds.decision.verdict, Verdict::kKeep);
}

}  // namespace
}  // namespace hoego::abtest
