#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "datasets/dataset.h"
#include "datasets/from_files.h"

namespace hoego::datasets {
namespace {

using Cell = std::pair<uint32_t, std::string>;  // unit key, item id

// Pairs with few units and items, so that repeats and equal times are common.
std::vector<Pair> RandomPairs() {
  const auto n = *rc::gen::inRange<size_t>(1, 120);
  std::vector<Pair> pairs;
  for (size_t i = 0; i < n; ++i) {
    pairs.push_back({*rc::gen::inRange<uint32_t>(0, 6),
                     "i" + std::to_string(*rc::gen::inRange(0, 15)), 1,
                     *rc::gen::inRange<int64_t>(0, 40)});
  }
  return pairs;
}

SplitSpec RandomSpec(SplitBy by) {
  const double validate = *rc::gen::inRange(0, 45) / 100.0;
  const double test = *rc::gen::inRange(0, 45) / 100.0;
  return {by, validate, test, *rc::gen::inRange<uint64_t>(0, 1000)};
}

SplitBy RandomBy() {
  return *rc::gen::element(SplitBy::kPerUnitTime, SplitBy::kGlobalTime, SplitBy::kLeaveLastOut,
                           SplitBy::kRandom);
}

std::set<Cell> CellsOf(const Dataset& d, const Split& split, Part part) {
  std::set<Cell> cells;
  for (size_t i = 0; i < d.samples.size(); ++i) {
    if (split.parts[i] == part) {
      cells.emplace(d.unit_keys[d.samples[i].unit], d.items[d.samples[i].item]);
    }
  }
  return cells;
}

std::map<uint32_t, size_t> CountByUnit(const std::set<Cell>& cells) {
  std::map<uint32_t, size_t> counts;
  for (const auto& [unit, item] : cells) {
    ++counts[unit];
  }
  return counts;
}

RC_GTEST_PROP(SplitProperty, EveryCellStandsInOnePartAndTheLeakCheckAgrees, ()) {
  const Dataset d = FromPairs(RandomPairs());
  const Split split = MakeSplit(d, RandomSpec(RandomBy())).value();
  RC_ASSERT(split.parts.size() == d.samples.size());
  const auto train = CellsOf(d, split, Part::kTrain);
  const auto validate = CellsOf(d, split, Part::kValidate);
  const auto test = CellsOf(d, split, Part::kTest);
  std::set<Cell> all;
  for (const Sample& s : d.samples) {
    all.emplace(d.unit_keys[s.unit], d.items[s.item]);
  }
  RC_ASSERT(train.size() + validate.size() + test.size() == all.size());
  std::set<Cell> joined = train;
  joined.insert(validate.begin(), validate.end());
  joined.insert(test.begin(), test.end());
  RC_ASSERT(joined == all);
  RC_ASSERT(CheckLeaks(d, split).ok());
}

RC_GTEST_PROP(SplitProperty, UnusedSamplesRepeatAnItemOfAnEarlierPart, ()) {
  const Dataset d = FromPairs(RandomPairs());
  const Split split = MakeSplit(d, RandomSpec(RandomBy())).value();
  for (size_t i = 0; i < d.samples.size(); ++i) {
    if (split.parts[i] != Part::kUnused) {
      continue;
    }
    bool repeats = false;
    for (size_t j = 0; j < i; ++j) {
      repeats |= d.samples[j].unit == d.samples[i].unit && d.samples[j].item == d.samples[i].item;
    }
    RC_ASSERT(repeats);
  }
}

RC_GTEST_PROP(SplitProperty, PerUnitSharesAreExactWithinRounding, ()) {
  const Dataset d = FromPairs(RandomPairs());
  const SplitSpec spec = RandomSpec(SplitBy::kPerUnitTime);
  const Split split = MakeSplit(d, spec).value();
  auto train = CountByUnit(CellsOf(d, split, Part::kTrain));
  auto validate = CountByUnit(CellsOf(d, split, Part::kValidate));
  auto test = CountByUnit(CellsOf(d, split, Part::kTest));
  for (const uint32_t unit : d.unit_keys) {
    const auto n = static_cast<double>(train[unit] + validate[unit] + test[unit]);
    RC_ASSERT(train[unit] >= 1u);
    if (std::floor(spec.test * n + 0.5) + std::floor(spec.validate * n + 0.5) < n) {
      RC_ASSERT(std::abs(static_cast<double>(test[unit]) - spec.test * n) <= 0.5 + 1e-9);
      RC_ASSERT(std::abs(static_cast<double>(validate[unit]) - spec.validate * n) <= 0.5 + 1e-9);
    }
    RC_ASSERT(static_cast<double>(test[unit]) <= spec.test * n + 0.5 + 1e-9);
    RC_ASSERT(static_cast<double>(validate[unit]) <= spec.validate * n + 0.5 + 1e-9);
  }
}

RC_GTEST_PROP(SplitProperty, TimeNeverRunsBackwardsAcrossParts, ()) {
  const Dataset d = FromPairs(RandomPairs());
  const SplitBy by =
      *rc::gen::element(SplitBy::kPerUnitTime, SplitBy::kGlobalTime, SplitBy::kLeaveLastOut);
  const Split split = MakeSplit(d, RandomSpec(by)).value();
  for (size_t i = 0; i < d.samples.size(); ++i) {
    for (size_t j = 0; j < d.samples.size(); ++j) {
      const bool comparable = by == SplitBy::kGlobalTime || d.samples[i].unit == d.samples[j].unit;
      if (comparable && split.parts[j] != Part::kUnused && split.parts[i] < split.parts[j]) {
        RC_ASSERT(d.samples[i].time_ms <= d.samples[j].time_ms);
      }
    }
  }
}

RC_GTEST_PROP(SplitProperty, TheOrderInWhichUnitsArriveDoesNotMatter, ()) {
  // Units keep the order of their own events; which unit comes first differs.
  std::vector<Pair> pairs = RandomPairs();
  std::vector<Pair> by_unit = pairs;
  std::stable_sort(by_unit.begin(), by_unit.end(),
                   [](const Pair& a, const Pair& b) { return a.unit > b.unit; });
  const Dataset a = FromPairs(pairs);
  const Dataset b = FromPairs(by_unit);
  const SplitSpec spec = RandomSpec(RandomBy());
  const Split split_a = MakeSplit(a, spec).value();
  const Split split_b = MakeSplit(b, spec).value();
  for (const Part part : {Part::kTrain, Part::kValidate, Part::kTest}) {
    RC_ASSERT(CellsOf(a, split_a, part) == CellsOf(b, split_b, part));
  }
}

RC_GTEST_PROP(SplitProperty, RandomSharesAreExactOverTheWhole, ()) {
  const Dataset d = FromPairs(RandomPairs());
  const SplitSpec spec = RandomSpec(SplitBy::kRandom);
  const Split split = MakeSplit(d, spec).value();
  const size_t test = CellsOf(d, split, Part::kTest).size();
  const size_t validate = CellsOf(d, split, Part::kValidate).size();
  const auto n = static_cast<double>(CellsOf(d, split, Part::kTrain).size() + test + validate);
  RC_ASSERT(std::abs(static_cast<double>(test) - spec.test * n) <= 0.5 + 1e-9);
  RC_ASSERT(std::abs(static_cast<double>(validate) - spec.validate * n) <= 1.0 + 1e-9);
}

Dataset Sequence(const std::string& items) {
  std::vector<Pair> pairs;
  for (size_t i = 0; i < items.size(); ++i) {
    pairs.push_back({7, std::string(1, items[i]), 1, static_cast<int64_t>(i)});
  }
  return FromPairs(pairs);
}

std::string PartsOf(const Dataset& d, const SplitSpec& spec) {
  const Split split = MakeSplit(d, spec).value();
  std::string out;
  for (const Part part : split.parts) {
    out += "tve-"[static_cast<size_t>(part)];
  }
  return out;
}

TEST(SplitTest, LeavesTheLastTwoItemsOutAndTheirLaterRepeatsUnused) {
  const SplitSpec spec{SplitBy::kLeaveLastOut, 0, 0, 1};
  EXPECT_EQ(PartsOf(Sequence("abcd"), spec), "ttve");
  EXPECT_EQ(PartsOf(Sequence("abcada"), spec), "ttv-e-");
  EXPECT_EQ(PartsOf(Sequence("ab"), spec), "tt");
  EXPECT_EQ(PartsOf(Sequence("aaa"), spec), "ttt");
}

TEST(SplitTest, CutsAUnitByTimeAtItsDistinctItems) {
  const SplitSpec spec{SplitBy::kPerUnitTime, 0.2, 0.2, 1};
  EXPECT_EQ(PartsOf(Sequence("abcdefghij"), spec), "ttttttvvee");
  // A repeat within training still counts there; one that falls into a later stretch counts
  // nowhere.
  EXPECT_EQ(PartsOf(Sequence("aabcdefghgaij"), spec), "tttttttvvv-ee");
}

TEST(SplitTest, KeepsOneInstantTogetherWhenCutByGlobalTime) {
  std::vector<Pair> pairs;
  for (uint32_t u = 0; u < 10; ++u) {
    pairs.push_back({u, "x", 1, u < 5 ? int64_t{u} : 5});
  }
  const Dataset d = FromPairs(pairs);
  const Split split = MakeSplit(d, {SplitBy::kGlobalTime, 0, 0.2, 1}).value();
  EXPECT_EQ(CellsOf(d, split, Part::kTest).size(),
            5u);  // two were asked for; five happened at once
}

TEST(SplitTest, ARandomSplitDependsOnItsSeed) {
  std::vector<Pair> pairs;
  for (uint32_t i = 0; i < 200; ++i) {
    pairs.push_back({i % 10, std::to_string(i), 1, i});
  }
  const Dataset d = FromPairs(pairs);
  const auto test_of = [&](uint64_t seed) {
    return CellsOf(d, MakeSplit(d, {SplitBy::kRandom, 0.1, 0.1, seed}).value(), Part::kTest);
  };
  EXPECT_EQ(test_of(1), test_of(1));
  EXPECT_NE(test_of(1), test_of(2));
}

TEST(SplitTest, ARandomSplitTakesEachUnitAboutEquallyOften) {
  std::vector<Pair> pairs;
  for (uint32_t i = 0; i < 40000; ++i) {
    pairs.push_back({i % 4, "i" + std::to_string(i), 1, i});
  }
  const Dataset d = FromPairs(pairs);
  auto counts =
      CountByUnit(CellsOf(d, MakeSplit(d, {SplitBy::kRandom, 0, 0.25, 3}).value(), Part::kTest));
  for (const auto& [unit, n] : counts) {
    EXPECT_NEAR(static_cast<double>(n), 2500, 4 * std::sqrt(10000 * 0.25 * 0.75))
        << "unit " << unit;
  }
}

TEST(SplitTest, RefusesSharesThatLeaveNothingToLearnFrom) {
  const Dataset d = Sequence("abc");
  for (const auto& [validate, test] :
       {std::pair(-0.1, 0.1), std::pair(0.5, 0.5), std::pair(0.1, 1.0)}) {
    EXPECT_EQ(MakeSplit(d, {SplitBy::kPerUnitTime, validate, test, 1}).status().code(),
              Code::kInvalidArgument);
  }
  EXPECT_EQ(MakeSplit(d, {SplitBy::kPerUnitTime, std::nan(""), 0.1, 1}).status().code(),
            Code::kInvalidArgument);
  EXPECT_EQ(MakeSplit(d, {SplitBy::kGiven, 0.1, 0.1, 1}).status().code(),
            Code::kFailedPrecondition);
}

TEST(SplitTest, NamesReadBackAndAnUnknownOneNamesTheNearest) {
  for (const SplitBy by : {SplitBy::kPerUnitTime, SplitBy::kGlobalTime, SplitBy::kLeaveLastOut,
                           SplitBy::kRandom, SplitBy::kGiven}) {
    EXPECT_EQ(ParseSplitBy(SplitByName(by)).value(), by);
  }
  EXPECT_NE(ParseSplitBy("randon").status().message().find("did you mean random"),
            std::string::npos);
}

TEST(LeakTest, FindsAnItemThatStandsOnTwoSides) {
  const Dataset d = Sequence("abab");
  Split split{{SplitBy::kRandom, 0.1, 0.1, 1},
              {Part::kTrain, Part::kTrain, Part::kTest, Part::kUnused}};
  const Status leak = CheckLeaks(d, split);
  EXPECT_EQ(leak.code(), Code::kFailedPrecondition);
  EXPECT_NE(leak.message().find("row 0 has item \"a\" in train and in test"), std::string::npos)
      << leak.message();
  split.parts[2] = Part::kUnused;
  EXPECT_TRUE(CheckLeaks(d, split).ok());
  split.parts = {Part::kUnused, Part::kValidate, Part::kTrain, Part::kTest};
  EXPECT_EQ(CheckLeaks(d, split).code(), Code::kFailedPrecondition) << "validate and test share b";
}

TEST(LeakTest, FindsALaterTrainingSampleOfTheSameUnitOnlyWhenSplitByTime) {
  const Dataset d = Sequence("abc");
  Split split{{SplitBy::kPerUnitTime, 0.1, 0.1, 1}, {Part::kTrain, Part::kTest, Part::kTrain}};
  EXPECT_EQ(CheckLeaks(d, split).code(), Code::kFailedPrecondition);
  split.spec.by = SplitBy::kLeaveLastOut;
  EXPECT_EQ(CheckLeaks(d, split).code(), Code::kFailedPrecondition);
  split.spec.by = SplitBy::kRandom;
  EXPECT_TRUE(CheckLeaks(d, split).ok());
}

TEST(LeakTest, FindsValidationAfterTest) {
  const Dataset d = Sequence("abc");
  const Split split{{SplitBy::kPerUnitTime, 0.1, 0.1, 1},
                    {Part::kTrain, Part::kTest, Part::kValidate}};
  EXPECT_EQ(CheckLeaks(d, split).code(), Code::kFailedPrecondition);
}

TEST(LeakTest, ComparesUnitsWithEachOtherOnlyForAGlobalSplit) {
  const Dataset d = FromPairs({{1, "a", 1, 10}, {1, "b", 1, 20}, {2, "c", 1, 30}, {2, "d", 1, 40}});
  Split split{{SplitBy::kPerUnitTime, 0.1, 0.1, 1},
              {Part::kTrain, Part::kTest, Part::kTrain, Part::kTest}};
  EXPECT_TRUE(CheckLeaks(d, split).ok());
  split.spec.by = SplitBy::kGlobalTime;
  EXPECT_EQ(CheckLeaks(d, split).code(), Code::kFailedPrecondition);
}

TEST(LeakTest, RefusesASplitOfAnotherDataset) {
  EXPECT_EQ(CheckLeaks(Sequence("abc"), {{}, {Part::kTrain}}).code(), Code::kInvalidArgument);
}

RC_GTEST_PROP(LeakProperty, APlantedSharedCellIsAlwaysFound, ()) {
  const Dataset d = FromPairs(RandomPairs());
  Split split = MakeSplit(d, {SplitBy::kRandom, 0.2, 0.2, 1}).value();
  const auto victim = *rc::gen::inRange<size_t>(0, d.samples.size());
  bool has_twin = false;
  for (size_t i = 0; i < d.samples.size(); ++i) {
    has_twin |= i != victim && d.samples[i].unit == d.samples[victim].unit &&
                d.samples[i].item == d.samples[victim].item;
  }
  RC_PRE(has_twin);
  split.parts[victim] = split.parts[victim] == Part::kTest ? Part::kTrain : Part::kTest;
  RC_ASSERT(!CheckLeaks(d, split).ok());
}

}  // namespace
}  // namespace hoego::datasets
