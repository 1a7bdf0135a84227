#include "abtest/analyze.h"

#include <gtest/gtest.h>

#include <string>

#include "base/disk.h"
#include "storage/temp_folder.h"

namespace hoego::abtest {
namespace {

class AnalyzeTest : public ::testing::Test {
 protected:
  Result<VerdictReport> Analyze(const std::string& text, const AnalyzeOptions& options = {}) {
    const std::string path = folder_ / "test.csv";
    EXPECT_TRUE(WriteFileAtomically(RealDisk(), path, text).ok());
    return AnalyzeCsv(path, options);
  }
  storage::TempFolder folder_;
};

TEST_F(AnalyzeTest, TakesNumbersAsAMeanAndZeroesAndOnesAsAConversion) {
  const VerdictReport mean =
      Analyze("unit,arm,metric\nu1,control,1\nu2,control,3\nu3,b,5\nu4,b,\"8\"\n").value();
  EXPECT_EQ(mean.arms[0].name, "control");
  EXPECT_EQ(mean.arms[0].metric, 2);
  EXPECT_EQ(mean.arms[1].metric, 6.5);
  EXPECT_EQ(mean.effect->absolute, 4.5);
  EXPECT_EQ(mean.effect->relative, 2.25);
  // A conversion counts the unit with two ones once.
  const VerdictReport share =
      Analyze("unit,arm,metric\nu1,a,1\nu1,a,true\nu2,a,0\nu3,b,0\nu4,b,1\nu5,b,FALSE\n").value();
  EXPECT_EQ(share.arms[0].metric, 0.5);
  EXPECT_EQ(share.arms[1].units, 3U);
}

TEST_F(AnalyzeTest, LeavesOutUnitsThatMetTwoArms) {
  const VerdictReport r =
      Analyze("unit,arm,metric\nu1,a,1\nu1,b,4\nu2,a,2\nu3,a,3\nu4,b,4\nu5,b,6\n").value();
  EXPECT_EQ(r.moved_units, 1U);
  EXPECT_EQ(r.arms[0].units, 2U);
  EXPECT_EQ(r.arms[1].units, 2U);
}

TEST_F(AnalyzeTest, TheOrderOfLinesDoesNotChangeADigit) {
  std::string forward = "unit,arm,metric\n";
  std::string backward = forward;
  for (int i = 0; i < 500; ++i) {
    const std::string line = "u" + std::to_string(i) + (i % 2 == 0 ? ",a," : ",b,") +
                             std::to_string(1e-7 * i * i * i) + "\n";
    forward += line;
    backward.insert(16, line);
  }
  EXPECT_EQ(VerdictJson(Analyze(forward).value()), VerdictJson(Analyze(backward).value()));
}

TEST_F(AnalyzeTest, NamesTheLineAndWhatWasExpected) {
  const struct {
    const char* text;
    const char* want;
  } cases[] = {
      {"", "the file is empty"},
      {"user,arm,metric\n", "line 1: no column \"unit\""},
      {"unit,arms,metric\n", "no column \"arm\", did you mean \"arms\"?"},
      {"unit,arm,metric\nu1,a,1\nu2,b\n", "line 3: 2 cells, expected 3"},
      {"unit,arm,metric\nu1,a,much\n", "line 2: \"much\" in column metric, expected a number"},
      {"unit,arm,metric\nu1,a,nan\n", "line 2: \"nan\" in column metric"},
      {"unit,arm,metric\nu1,a,1\nu2,a,1\n", "the file has 1 arms, expected at least 2"},
  };
  for (const auto& c : cases) {
    const Result<VerdictReport> r = Analyze(c.text);
    ASSERT_FALSE(r.ok()) << c.want;
    EXPECT_NE(r.status().message().find(c.want), std::string_view::npos) << r.status().ToString();
  }
  AnalyzeOptions options;
  options.control = "z";
  EXPECT_EQ(Analyze("unit,arm,metric\nu1,a,1\nu2,b,1\n", options).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(AnalyzeCsv(folder_ / "absent.csv", {}).status().code(), Code::kNotFound);
}

}  // namespace
}  // namespace hoego::abtest
