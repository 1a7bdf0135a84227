#include "datasets/from_files.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <tuple>

#include "datasets/public_data.h"

namespace hoego::datasets {
namespace {

class FromFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "hoego_from_files_" + std::to_string(::getpid());
  }
  void TearDown() override { std::filesystem::remove(path_); }
  void Write(const std::string& text) const { std::ofstream(path_) << text; }

  std::string path_;
};

TEST_F(FromFilesTest, NumbersUnitsAndItemsByFirstAppearance) {
  Write("9\tz\t4\t20\n3\ty\t4\t10\n9\ty\t4\t5\n");
  const Dataset d = FromRatings(path_).value();
  EXPECT_EQ(d.unit_keys, (std::vector<uint32_t>{9, 3}));
  EXPECT_EQ(d.items, (std::vector<std::string>{"z", "y"}));
  ASSERT_EQ(d.samples.size(), 3u);
  EXPECT_EQ(d.samples[0].item, 1u) << "by time within a unit";
  EXPECT_EQ(d.samples[0].time_ms, 5000);
  EXPECT_EQ(d.samples[1].item, 0u);
}

TEST_F(FromFilesTest, LeavesLowRatingsOutAndTheirItemsToo) {
  Write("1\ta\t5\t1\n2\tb\t2\t2\n");
  const Dataset d = FromRatings(path_, 4).value();
  EXPECT_EQ(d.items, std::vector<std::string>{"a"});
  EXPECT_EQ(d.unit_keys, std::vector<uint32_t>{1});
}

TEST_F(FromFilesTest, NamesTheLineThatIsWrong) {
  Write("1\ta\t5\t1\n2\tb\t2\n");
  Status status = FromRatings(path_).status();
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find(":2: expected 4 fields"), std::string::npos) << status.message();
  Write("x a b\n");
  EXPECT_NE(FromSequences(path_).status().message().find(":1: unit \"x\""), std::string::npos);
  Write("1 a b\n");
  EXPECT_EQ(FromPairsFile(path_).status().code(), Code::kInvalidArgument);
  Write("\n");
  EXPECT_NE(FromSequences(path_).status().message().find("no samples"), std::string::npos);
}

TEST_F(FromFilesTest, APlaceInASequenceIsItsTime) {
  Write("1 a b a\n");
  const Dataset d = FromSequences(path_).value();
  ASSERT_EQ(d.samples.size(), 3u);
  EXPECT_EQ(d.samples[2].time_ms, 2);
  EXPECT_EQ(d.samples[2].item, 0u);
}

TEST(FromPublicData, MovieLens100kHasItsPublishedCounts) {
  const std::string path = PublicData("movielens-100k/u.data.xz");
  if (!std::filesystem::exists(path)) {
    GTEST_SKIP() << path << kHowToGetIt;
  }
  const Dataset d = FromRatings(path).value();
  EXPECT_EQ(d.samples.size(), 100000u);
  EXPECT_EQ(d.unit_keys.size(), 943u);
  EXPECT_EQ(d.items.size(), 1682u);
}

TEST(FromPublicData, MovieLens1mHasItsPublishedCountsInBothForms) {
  const std::string sequences = PublicData("movielens-1m-implicit/sequences.txt.xz");
  if (!std::filesystem::exists(sequences)) {
    GTEST_SKIP() << sequences << kHowToGetIt;
  }
  const Dataset a = FromSequences(sequences).value();
  const Dataset b =
      FromPairsFile(PublicData("movielens-1m-implicit/pairs_file_order.txt.xz")).value();
  for (const Dataset* d : {&a, &b}) {
    EXPECT_EQ(d->samples.size(), 1000209u);
    EXPECT_EQ(d->unit_keys.size(), 6040u);
    EXPECT_EQ(d->items.size(), 3706u);
  }
}

TEST(FromPublicData, GowallaHasTheCountsThatItsAuthorsPrint) {
  const std::string train = PublicData("gowalla/train.txt.xz");
  if (!std::filesystem::exists(train)) {
    GTEST_SKIP() << train << kHowToGetIt;
  }
  const Dataset d = FromGivenLists(train, PublicData("gowalla/test.txt.xz")).value();
  EXPECT_EQ(d.unit_keys.size(), 29858u);
  EXPECT_EQ(d.items.size(), 40981u);
  const hoego::datasets::Split split = MakeSplit(d, {SplitBy::kGiven, 0, 0, 1}).value();
  EXPECT_EQ(std::count(split.parts.begin(), split.parts.end(), Part::kTrain), 810128);
  EXPECT_EQ(std::count(split.parts.begin(), split.parts.end(), Part::kTest), 217242);
  EXPECT_TRUE(CheckLeaks(d, split).ok());
}

RC_GTEST_PROP(CsrProperty, CellsHoldTheSumOfTheirWeightsAndTheirNewestTime, ()) {
  const auto n = *rc::gen::inRange<size_t>(1, 100);
  std::vector<Pair> pairs;
  for (size_t i = 0; i < n; ++i) {
    pairs.push_back({*rc::gen::inRange<uint32_t>(0, 5), std::to_string(*rc::gen::inRange(0, 9)),
                     static_cast<float>(*rc::gen::inRange(-3, 4)),
                     *rc::gen::inRange<int64_t>(0, 50)});
  }
  const Dataset d = FromPairs(pairs);
  const Split split = MakeSplit(d, {SplitBy::kRandom, 0.3, 0.3, 5}).value();
  const std::vector<Part> wanted = {Part::kTrain, Part::kTest};
  const TimedCsr csr = ToTimedCsr(d, split, wanted);
  std::map<std::pair<uint32_t, uint32_t>, std::pair<float, int64_t>> twin;
  for (size_t i = 0; i < d.samples.size(); ++i) {
    const Sample& s = d.samples[i];
    if (split.parts[i] == Part::kTrain || split.parts[i] == Part::kTest) {
      auto& cell = twin.try_emplace({s.unit, s.item}, 0.0F, s.time_ms).first->second;
      cell.first += s.weight;
      cell.second = std::max(cell.second, s.time_ms);
    }
  }
  RC_ASSERT(csr.matrix.rows == d.unit_keys.size());
  RC_ASSERT(csr.matrix.columns == d.items.size());
  RC_ASSERT(csr.matrix.nonzeros() == twin.size());
  auto expected = twin.begin();
  for (uint32_t u = 0; u < csr.matrix.rows; ++u) {
    for (uint64_t k = csr.matrix.begin[u]; k < csr.matrix.begin[u + 1]; ++k, ++expected) {
      RC_ASSERT(expected->first == std::pair(u, csr.matrix.cols[k]));
      RC_ASSERT(expected->second == std::pair(csr.matrix.values[k], csr.times_ms[k]));
    }
  }
}

TEST(CsrTest, AllSamplesCountWhenNoSplitIsGiven) {
  const Dataset d = FromPairs({{1, "a", 1, 1}, {1, "a", 2, 2}, {2, "b", 1, 3}});
  const kernels::Csr m = ToCsr(d);
  EXPECT_EQ(m.nonzeros(), 2u);
  EXPECT_EQ(m.values[0], 3.0F);
}

}  // namespace
}  // namespace hoego::datasets
