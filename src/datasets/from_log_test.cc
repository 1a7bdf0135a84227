#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <map>
#include <memory>

#include "base/random.h"
#include "datasets/dataset.h"
#include "events/store.h"

namespace hoego::datasets {
namespace {

using events::NewEvent;
using events::NewRecord;

class FromLogTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "hoego_from_log_" + std::to_string(::getpid());
    std::filesystem::remove_all(folder_);
    events::StoreOptions options;
    options.folder = folder_ + "/log";
    auto store = events::EventStore::Open(options, RealDisk(), clock_, metrics_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = std::move(store).value();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  // Returns the cut behind it.
  events::Cut Add(const std::vector<NewRecord>& batch) {
    auto added = events::AppendAndWait(store_->log(), batch);
    EXPECT_TRUE(added.ok()) << added.status().ToString();
    return added->cut;
  }
  static NewEvent Event(std::string_view type, std::string_view unit, std::string_view item,
                        int64_t time_ms, std::optional<double> value = std::nullopt) {
    NewEvent e;
    e.type = type;
    e.unit = unit;
    e.item = item;
    e.time = FromUnixMillis(time_ms);
    e.value = value;
    return e;
  }
  Result<Dataset> All(const LearnFrom& learn) {
    return FromLog(*store_, store_->log().begin(), store_->log().end(), learn);
  }

  // Unit id, item id, weight, time of each sample, in order.
  std::vector<std::tuple<std::string, std::string, float, int64_t>> Rows(const Dataset& d) {
    std::vector<std::tuple<std::string, std::string, float, int64_t>> rows;
    for (const Sample& s : d.samples) {
      rows.emplace_back(store_->UnitId(events::UnitKey(d.unit_keys[s.unit])).value_or("?"),
                        d.items[s.item], s.weight, s.time_ms);
    }
    return rows;
  }

  FakeClock clock_{FromUnixMillis(1'700'000'000'000)};
  Metrics metrics_;
  std::string folder_;
  std::unique_ptr<events::EventStore> store_;
};

constexpr int64_t kT = 1'699'000'000'000;

TEST_F(FromLogTest, TakesListedTypesWithItemsAndTheirWeights) {
  Add({Event("watch", "u1", "a", kT + 2), Event("like", "u2", "b", kT + 1),
       Event("skip", "u1", "b", kT + 3), Event("search", "u1", "c", kT + 4),
       Event("watch", "u2", "", kT + 5), Event("watch", "u1", "b", kT + 1)});
  const Dataset d = All({{"watch", "like"}, {"skip"}, {{"like", 3}, {"skip", 0.5}}, 0}).value();
  EXPECT_EQ(Rows(d), (std::vector<std::tuple<std::string, std::string, float, int64_t>>{
                         {"u1", "b", 1, kT + 1},
                         {"u1", "a", 1, kT + 2},
                         {"u1", "b", -0.5F, kT + 3},
                         {"u2", "b", 3, kT + 1}}));
  EXPECT_EQ(d.items, (std::vector<std::string>{"a", "b"})) << "in order of first appearance";
  EXPECT_EQ(d.from_cut, store_->log().begin().ToString());
  EXPECT_EQ(d.to_cut, store_->log().end().ToString());
  EXPECT_NE(d.source_json.find("\"like\":3"), std::string::npos);
}

TEST_F(FromLogTest, LooksOnlyBetweenItsCuts) {
  const events::Cut first = Add({Event("watch", "u1", "a", kT)});
  const events::Cut second = Add({Event("watch", "u2", "b", kT)});
  Add({Event("watch", "u3", "c", kT)});
  const Dataset d = FromLog(*store_, first, second, {{"watch"}, {}, {}, 0}).value();
  ASSERT_EQ(d.samples.size(), 1u);
  EXPECT_EQ(std::get<0>(Rows(d)[0]), "u2");
  EXPECT_EQ(FromLog(*store_, second, first, {{"watch"}, {}, {}, 0}).status().code(),
            Code::kOutOfRange);
  EXPECT_EQ(FromLog(*store_, first, events::Cut{1u << 30}, {{"watch"}, {}, {}, 0}).status().code(),
            Code::kOutOfRange);
}

TEST_F(FromLogTest, LeavesSmallValuesOutButKeepsEventsWithoutAValue) {
  Add({Event("rate", "u1", "a", kT, 5), Event("rate", "u1", "b", kT, 2),
       Event("rate", "u1", "c", kT)});
  EXPECT_EQ(All({{"rate"}, {}, {}, 4}).value().items, (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(All({{"rate"}, {}, {}, 0}).value().items.size(), 3u);
}

TEST_F(FromLogTest, AnEventFromTheFutureCountsWhenItWasReceived) {
  const int64_t now = ToUnixMillis(clock_.Now());
  Add({Event("watch", "u1", "a", now + 24 * 3'600'000), Event("watch", "u1", "b", now + 60'000)});
  const Dataset d = All({{"watch"}, {}, {}, 0}).value();
  EXPECT_EQ(std::get<3>(Rows(d)[0]), now) << "a day ahead";
  EXPECT_EQ(std::get<3>(Rows(d)[1]), now + 60'000) << "a minute ahead is a clock's drift";
}

TEST_F(FromLogTest, ForgottenUnitsAreNotLearntFrom) {
  Add({Event("watch", "u1", "a", kT), Event("watch", "u2", "b", kT)});
  ASSERT_TRUE(store_->Forget("u1").ok());
  const Dataset d = All({{"watch"}, {}, {}, 0}).value();
  ASSERT_EQ(d.samples.size(), 1u);
  EXPECT_EQ(d.items, std::vector<std::string>{"b"});
}

TEST_F(FromLogTest, TheSameCutsGiveTheSameDigestAlsoAfterMoreEvents) {
  const events::Cut end = Add({Event("watch", "u1", "a", kT), Event("watch", "u2", "b", kT)});
  const LearnFrom learn{{"watch"}, {}, {}, 0};
  const std::string before = FromLog(*store_, {}, end, learn).value().digest;
  Add({Event("watch", "u1", "c", kT)});
  EXPECT_EQ(FromLog(*store_, {}, end, learn).value().digest, before);
  EXPECT_NE(All(learn).value().digest, before);
}

TEST_F(FromLogTest, ManyEventsComeOutAsTheyWentIn) {
  Rng rng(8);
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> twin;
  std::vector<std::string> names;  // outlives the views
  for (int i = 0; i < 300; ++i) {
    names.push_back("n" + std::to_string(i));
  }
  for (int batch = 0; batch < 20; ++batch) {
    std::vector<NewRecord> records;
    for (int n = 0; n < 100; ++n) {
      const std::string& unit = names[rng.Below(50)];
      const std::string& item = names[rng.Below(300)];
      const auto t = kT + static_cast<int64_t>(rng.Below(1000));
      records.push_back(Event("watch", unit, item, t));
      twin[unit].emplace_back(t, item);
    }
    Add(records);
  }
  const Dataset d = All({{"watch"}, {}, {}, 0}).value();
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> got;
  for (const auto& [unit, item, weight, t] : Rows(d)) {
    got[unit].emplace_back(t, item);
  }
  for (auto& [unit, list] : twin) {
    std::stable_sort(list.begin(), list.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  }
  EXPECT_EQ(got, twin);
}

TEST_F(FromLogTest, SaysWhatContradictsItself) {
  Add({Event("watch", "u1", "a", kT)});
  EXPECT_EQ(All({}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(All({{"watch"}, {"watch"}, {}, 0}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(All({{"watch"}, {}, {{"like", 2}}, 0}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(All({{"watch"}, {}, {{"watch", -2}}, 0}).status().code(), Code::kInvalidArgument);
  EXPECT_EQ(
      All({{"watch"}, {}, {{"watch", std::numeric_limits<double>::infinity()}}, 0}).status().code(),
      Code::kInvalidArgument);
  EXPECT_EQ(All({{"wach"}, {}, {}, 0}).status().code(), Code::kFailedPrecondition);
}

}  // namespace
}  // namespace hoego::datasets
