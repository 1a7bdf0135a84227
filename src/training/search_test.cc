#include "training/search.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/random.h"
#include "training/evaluate.h"
#include "training/internal/fake_model.h"

namespace hoego::training {
namespace {

using internal::FakeModel;

const std::vector<Setting>& Table() {
  static const std::vector<Setting> table = {
      {"a", SettingType::kDouble, "0", "a number", 0, 10},
      {"b", SettingType::kInt, "0", "another", 0, 10},
      {"fail", SettingType::kBool, "false", "the fit fails"},
  };
  return table;
}

// Ranks the one relevant item (0) at place 1 + |a - 3| + |b - 2|; fitting takes ten seconds of a
// fake clock.
class FakeAlgorithm final : public Algorithm {
 public:
  explicit FakeAlgorithm(FakeClock* clock = nullptr) : clock_(clock) {}
  std::string_view name() const override { return "fake"; }
  const std::vector<Setting>& params() const override { return Table(); }
  Plan MakePlan(const FitInput&, const Settings&) const override { return {}; }
  Result<std::shared_ptr<const models::Model>> Fit(const FitInput& input, const Settings& params,
                                                   ThreadPool&, Observer& observer,
                                                   const std::stop_token&) const override {
    ++fits;
    if (clock_ != nullptr) {
      clock_->Advance(std::chrono::seconds(10));
    }
    if (params.Bool("fail")) {
      return Status::FailedPrecondition("not positive definite");
    }
    observer.Progress(0.5, "half");
    observer.Metric("loss", 1, 0);
    const auto wanted = static_cast<uint32_t>(std::abs(params.Double("a") - 3) +
                                              static_cast<double>(std::abs(params.Int("b") - 2)));
    return std::shared_ptr<const models::Model>(
        std::make_shared<FakeModel>(input.train.columns, [wanted](auto, uint32_t i) {
          return i == 0 ? -static_cast<float>(wanted) - 0.5F : -static_cast<float>(i);
        }));
  }
  mutable int fits = 0;

 private:
  FakeClock* clock_;
};

struct Recorder final : Observer {
  void Progress(double share, std::string_view what) override {
    shares.push_back(share);
    whats.emplace_back(what);
  }
  void Metric(std::string_view name, double value, int64_t step) override {
    metrics.emplace_back(std::string(name), value, step);
  }
  std::vector<double> shares;
  std::vector<std::string> whats;
  std::vector<std::tuple<std::string, double, int64_t>> metrics;
};

class SearchTest : public ::testing::Test {
 protected:
  SearchTest() {
    train_.rows = relevant_.rows = 1;
    train_.columns = relevant_.columns = 30;
    train_.begin = {0, 0};
    relevant_.begin = {0, 1};
    relevant_.cols = {0};
    relevant_.values = {1};
  }

  Result<SearchResult> Run(const SearchSpec& spec, const Params& fixed = {},
                           const std::stop_token& stop = {}) {
    FitInput fit{.train = train_, .items = items_};
    return Search(algorithm_, fit, relevant_, fixed, spec, pool_, recorder_, stop, clock_);
  }

  kernels::Csr train_;
  kernels::Csr relevant_;
  std::vector<std::string> items_ = std::vector<std::string>(30, "i");
  ThreadPool pool_{1};
  FakeClock clock_;
  FakeAlgorithm algorithm_{&clock_};
  Recorder recorder_;
};

TEST_F(SearchTest, TriesEveryCombinationAndFindsTheBest) {
  const SearchResult r =
      Run({{{"a", {"0", "1", "3"}}, {"b", {"5", "2"}}}, SearchKind::kGrid, 0, 0, "mrr@20"}).value();
  ASSERT_EQ(r.trials.size(), 6u);
  EXPECT_EQ(r.combinations, 6u);
  EXPECT_EQ(r.trials[0].params, (Params{{"a", "0"}, {"b", "5"}}))
      << "the last parameter changes fastest";
  EXPECT_EQ(r.trials[1].params, (Params{{"a", "0"}, {"b", "2"}}));
  EXPECT_EQ(r.trials[r.best].params, (Params{{"a", "3"}, {"b", "2"}}));
  EXPECT_DOUBLE_EQ(r.trials[r.best].objective, 1);
  EXPECT_DOUBLE_EQ(r.trials[0].objective, 1.0 / 7);
  EXPECT_EQ(r.trials[0].metrics.at("hit_rate@20"), 1);
  EXPECT_DOUBLE_EQ(r.trials[0].seconds, 10);
  EXPECT_DOUBLE_EQ(r.seconds, 60);
}

TEST_F(SearchTest, AnEqualObjectiveGoesToTheLowerPlaceInTheGridWhateverTheOrder) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const SearchResult r =
        Run({{{"a", {"2", "4", "3.5", "2.5"}}}, SearchKind::kRandom, 0, 0, "mrr@20", seed}).value();
    // 2 and 4 are one place off; 3.5 and 2.5 round to none.
    EXPECT_EQ(r.trials[r.best].params.at("a"), "3.5");
  }
}

TEST_F(SearchTest, ARandomOrderIsDrawnBySeedAndTriesNothingTwice) {
  SearchSpec spec{{{"a", {"0", "1", "2", "3", "4"}}, {"b", {"0", "1", "2", "3"}}},
                  SearchKind::kRandom,
                  12,
                  0,
                  "mrr@5",
                  3};
  const auto places = [&] {
    std::vector<uint64_t> out;
    const SearchResult result = Run(spec).value();
    for (const Trial& t : result.trials) {
      out.push_back(t.place);
    }
    return out;
  };
  const auto first = places();
  EXPECT_EQ(first.size(), 12u);
  EXPECT_EQ(std::set<uint64_t>(first.begin(), first.end()).size(), 12u);
  EXPECT_EQ(places(), first);
  spec.seed = 4;
  EXPECT_NE(places(), first);
}

TEST_F(SearchTest, StartsNoTrialAfterItsSecondsAndSaysSo) {
  const SearchResult r =
      Run({{{"a", {"0", "1", "2", "3"}}}, SearchKind::kGrid, 0, 15, "mrr@5"}).value();
  EXPECT_EQ(r.trials.size(), 2u) << "the second began after ten seconds";
  EXPECT_TRUE(r.out_of_time);
  EXPECT_FALSE(Run({{{"a", {"0", "1"}}}, SearchKind::kGrid, 0, 1000, "mrr@5"})->out_of_time);
  EXPECT_EQ(Run({{{"a", {"0", "1"}}}, SearchKind::kGrid, 0, 1e-9, "mrr@5"})->trials.size(), 1u)
      << "the first always runs";
}

TEST_F(SearchTest, TheFirstTrialRunsHoweverShortTheTime) {
  // Every look at this clock costs a second.
  class SlowClock final : public Clock {
   public:
    Time Now() const override { return FromUnixMillis(0); }
    std::chrono::nanoseconds Monotonic() const override { return std::chrono::seconds(++looks_); }

   private:
    mutable int looks_ = 0;
  };
  const FitInput fit{.train = train_, .items = items_};
  const SearchSpec spec{{{"a", {"0", "1"}}}, SearchKind::kGrid, 0, 0.5, "mrr@5"};
  const auto r = Search(algorithm_, fit, relevant_, {}, spec, pool_, recorder_, {}, SlowClock());
  ASSERT_TRUE(r.ok()) << r.status().ToString();
  EXPECT_EQ(r->trials.size(), 1u);
  EXPECT_TRUE(r->out_of_time);
}

TEST_F(SearchTest, ACombinationThatCannotBeFittedIsATrialWithAnError) {
  const SearchResult r =
      Run({{{"a", {"1"}}, {"fail", {"true", "false"}}}, SearchKind::kGrid, 0, 0, "mrr@5"}).value();
  EXPECT_NE(r.trials[0].error.find("not positive definite"), std::string::npos);
  EXPECT_EQ(r.best, 1u);
  const Status all = Run({{{"fail", {"true"}}}, SearchKind::kGrid, 0, 0, "mrr@5"}).status();
  EXPECT_EQ(all.code(), Code::kFailedPrecondition);
  EXPECT_NE(all.message().find("fail=true"), std::string::npos);
}

TEST_F(SearchTest, RefusesAWrongValueBeforeTheFirstFit) {
  const auto code = [&](const SearchSpec& spec, const Params& fixed = {}) {
    return Run(spec, fixed).status().code();
  };
  EXPECT_EQ(code({{{"a", {"1", "11"}}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"c", {"1"}}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"a", {}}}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"a", {"1"}}}}, {{"a", "2"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"a", {"1"}}}}, {{"d", "2"}}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"a", {"1"}}}, SearchKind::kGrid, 0, 0, "loss"}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"a", {"1"}}}, SearchKind::kGrid, 0, -1}), Code::kInvalidArgument);
  EXPECT_EQ(code({{{"a", std::vector<std::string>(2000, "1")},
                   {"b", std::vector<std::string>(2000, "1")}}}),
            Code::kInvalidArgument);
  EXPECT_EQ(algorithm_.fits, 0);
}

TEST_F(SearchTest, StopsWhenAsked) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Run({{{"a", {"1"}}}}, {}, stop.get_token()).status().code(), Code::kCancelled);
}

TEST_F(SearchTest, ShowsTheProgressOfTheWholeAndAMetricATrial) {
  ASSERT_TRUE(Run({{{"a", {"3", "1"}}}, SearchKind::kGrid, 0, 0, "mrr@5"}, {{"b", "2"}}).ok());
  EXPECT_EQ(recorder_.shares, (std::vector<double>{0, 0.25, 0.5, 0.75}));
  EXPECT_EQ(recorder_.whats.back(), "trial 2 of 2: a=1");
  ASSERT_EQ(recorder_.metrics.size(), 2u) << "what the fits report is not mixed in";
  EXPECT_EQ(recorder_.metrics[0], (std::tuple<std::string, double, int64_t>("search/mrr@5", 1, 0)));
  EXPECT_EQ(recorder_.metrics[1],
            (std::tuple<std::string, double, int64_t>("search/mrr@5", 1.0 / 3, 1)));
}

}  // namespace
}  // namespace hoego::training
