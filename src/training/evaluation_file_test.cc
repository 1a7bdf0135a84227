#include "training/evaluation_file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/disk.h"

namespace hoego::training {
namespace {

class EvaluationFileTest : public ::testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  std::string path_ = ::testing::TempDir() + "hoego_evaluation_" + std::to_string(::getpid());
};

StoredEvaluation Small() {
  StoredEvaluation s;
  s.of = "digest {} fit=train evaluate=test";
  s.evaluation.units = {0, 3, 7};
  s.evaluation.per_unit = {{"ndcg@5", {0.1, 0.2, 0.3}}, {"recall@5", {1, 0, 0.5}}};
  s.evaluation.overall = {{"ndcg@5", 0.2}, {"gini@5", 0.7}};
  s.evaluation.seconds = 1.5;
  return s;
}

TEST_F(EvaluationFileTest, ReadsBackWhatWasSaved) {
  ASSERT_TRUE(SaveEvaluation(Small(), path_).ok());
  const StoredEvaluation s = LoadEvaluation(path_).value();
  EXPECT_EQ(s.of, Small().of);
  EXPECT_EQ(s.evaluation.units, Small().evaluation.units);
  EXPECT_EQ(s.evaluation.per_unit, Small().evaluation.per_unit);
  EXPECT_EQ(s.evaluation.overall, Small().evaluation.overall);
  EXPECT_EQ(s.evaluation.seconds, 1.5);
}

TEST_F(EvaluationFileTest, AFlippedBitInAnyByteAndEveryCutIsFound) {
  ASSERT_TRUE(SaveEvaluation(Small(), path_).ok());
  const std::string good = ReadWholeFile(RealDisk(), path_).value();
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
    std::ofstream(path_, std::ios::binary) << bad;
    EXPECT_FALSE(LoadEvaluation(path_).ok()) << "byte " << at;
    std::ofstream(path_, std::ios::binary) << good.substr(0, at);
    EXPECT_EQ(LoadEvaluation(path_).status().code(), Code::kDataLoss) << "cut at " << at;
  }
}

TEST_F(EvaluationFileTest, RefusesANewerVersionByName) {
  ASSERT_TRUE(SaveEvaluation(Small(), path_).ok());
  std::string bytes = ReadWholeFile(RealDisk(), path_).value();
  bytes[8] = 2;
  std::ofstream(path_, std::ios::binary) << bytes;
  EXPECT_EQ(LoadEvaluation(path_).status().code(), Code::kFailedPrecondition);
}

TEST_F(EvaluationFileTest, OnlyEvaluationsOfTheSameDataAreCompared) {
  const StoredEvaluation a = Small();
  StoredEvaluation b = Small();
  b.evaluation.per_unit["ndcg@5"] = {0.1, 0.1, 0.1};
  EXPECT_NEAR(CompareStored(a, b, "ndcg@5", 0.95, 100, 1)->difference, 0.1, 1e-12);
  EXPECT_EQ(CompareStored(a, b, "ndcg@9", 0.95, 100, 1).status().code(), Code::kNotFound);
  b.of = "other";
  EXPECT_EQ(CompareStored(a, b, "ndcg@5", 0.95, 100, 1).status().code(), Code::kFailedPrecondition);
  b = Small();
  b.evaluation.units[0] = 1;
  EXPECT_EQ(CompareStored(a, b, "ndcg@5", 0.95, 100, 1).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace hoego::training
