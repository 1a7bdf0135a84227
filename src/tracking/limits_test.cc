#include "tracking/limits.h"

#include <gtest/gtest.h>

#include <string>

namespace hoego::tracking {
namespace {

std::string Repeat(std::string_view text, size_t times) {
  std::string all;
  for (size_t i = 0; i < times; ++i) {
    all += text;
  }
  return all;
}

TEST(LimitsTest, TakesAndRefusesKeys) {
  for (const std::string& key :
       {std::string("loss"), std::string("train/loss"), std::string("ndcg@10"),
        std::string("a b:c.d-e"), std::string("정확도"), Repeat("한", 250), std::string("a.."),
        std::string("..a")}) {
    EXPECT_TRUE(CheckKey("metric", key).ok()) << key;
  }
  for (const std::string& key :
       {std::string(), Repeat("한", 251), std::string(251, 'k'), std::string("/a"),
        std::string("a/"), std::string("a//b"), std::string("."), std::string(".."),
        std::string("a/../b"), std::string("./a"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\xff")}) {
    const Status status = CheckKey("metric", key);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << key;
    EXPECT_TRUE(status.message().starts_with("metric key")) << status.ToString();
  }
}

TEST(LimitsTest, HoldsEachBoundOfABatchExactly) {
  const auto code = [](size_t metrics, size_t params, size_t tags) {
    Batch batch;
    for (size_t i = 0; i < metrics; ++i) {
      batch.metrics.push_back({"m", static_cast<double>(i), Time{}, 0});
    }
    for (size_t i = 0; i < params; ++i) {
      batch.params.emplace_back("p" + std::to_string(i), "");
    }
    for (size_t i = 0; i < tags; ++i) {
      batch.tags.emplace_back("t" + std::to_string(i), "");
    }
    return CheckBatch(batch).code();
  };
  EXPECT_EQ(code(0, 0, 0), Code::kOk);
  EXPECT_EQ(code(1'000, 0, 0), Code::kOk);
  EXPECT_EQ(code(1'001, 0, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(0, 100, 0), Code::kOk);
  EXPECT_EQ(code(0, 101, 0), Code::kInvalidArgument);
  EXPECT_EQ(code(0, 0, 100), Code::kOk);
  EXPECT_EQ(code(0, 0, 101), Code::kInvalidArgument);
  EXPECT_EQ(code(800, 100, 100), Code::kOk);
  EXPECT_EQ(code(801, 100, 100), Code::kInvalidArgument);
}

TEST(LimitsTest, HoldsEachBoundOfAValueExactly) {
  const auto param = [](const std::string& value) {
    return CheckBatch({{}, {{"p", value}}, {}}).code();
  };
  const auto tag = [](const std::string& value) {
    return CheckBatch({{}, {}, {{"t", value}}}).code();
  };
  EXPECT_EQ(param(""), Code::kOk);
  EXPECT_EQ(param(std::string(6'000, 'x')), Code::kOk);
  EXPECT_EQ(param(std::string(6'001, 'x')), Code::kInvalidArgument);
  EXPECT_EQ(param(Repeat("한", 6'000)), Code::kOk);
  EXPECT_EQ(param(Repeat("한", 6'001)), Code::kInvalidArgument);
  EXPECT_EQ(param("\xff"), Code::kInvalidArgument);
  EXPECT_EQ(tag(std::string(8'000, 'x')), Code::kOk);
  EXPECT_EQ(tag(std::string(8'001, 'x')), Code::kInvalidArgument);
  EXPECT_EQ(tag(std::string("a\0b", 3)), Code::kInvalidArgument);
}

TEST(LimitsTest, AParamTwiceIsFineOnlyWithTheSameValue) {
  EXPECT_TRUE(CheckBatch({{}, {{"p", "1"}, {"p", "1"}}, {}}).ok());
  EXPECT_EQ(CheckBatch({{}, {{"p", "1"}, {"p", "2"}}, {}}).code(), Code::kInvalidArgument);
  EXPECT_TRUE(CheckBatch({{}, {}, {{"t", "1"}, {"t", "2"}}}).ok());
}

TEST(LimitsTest, ChecksNamesOfExperimentsAndRuns) {
  EXPECT_TRUE(CheckExperimentName("a/b @ c").ok());
  EXPECT_TRUE(CheckExperimentName(Repeat("한", 500)).ok());
  EXPECT_EQ(CheckExperimentName(Repeat("한", 501)).code(), Code::kInvalidArgument);
  EXPECT_EQ(CheckExperimentName("").code(), Code::kInvalidArgument);
  EXPECT_EQ(CheckExperimentName("  ").code(), Code::kInvalidArgument);
  NewRun run;
  EXPECT_TRUE(CheckNewRun(run).ok());
  run.name = std::string(501, 'x');
  EXPECT_EQ(CheckNewRun(run).code(), Code::kInvalidArgument);
  run.name = "x";
  run.tags[".."] = "x";
  EXPECT_EQ(CheckNewRun(run).code(), Code::kInvalidArgument);
}

}  // namespace
}  // namespace hoego::tracking
