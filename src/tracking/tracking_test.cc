#include "tracking/tracking.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "storage/temp_folder.h"
#include "tracking/internal/run_states.h"
#include "tracking/limits.h"

namespace hoego::tracking {
namespace {

namespace fs = std::filesystem;

class TrackingTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    tracking_.reset();
    database_.reset();
    auto database = storage::OpenSqlite(folder_ / "meta.db");
    ASSERT_TRUE(database.ok()) << database.status().ToString();
    database_ = std::move(database).value();
    auto blobs = storage::OpenLocalBlobStore(RealDisk(), folder_ / "blobs");
    ASSERT_TRUE(blobs.ok());
    blobs_ = std::move(blobs).value();
    auto tracking = Tracking::Open(*database_, *blobs_, clock_);
    ASSERT_TRUE(tracking.ok()) << tracking.status().ToString();
    tracking_ = std::move(tracking).value();
  }

  std::string NewRunId(const std::string& experiment = "0") {
    NewRun run;
    run.experiment_id = experiment;
    auto made = tracking_->CreateRun(run);
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made.ok() ? made->id : "";
  }
  static Metric Point(const std::string& key, int64_t step, int64_t ms, double value) {
    return {key, value, FromUnixMillis(ms), step};
  }
  Status LogMetrics(const std::string& run, std::vector<Metric> metrics) {
    return tracking_->Log(run, {std::move(metrics), {}, {}});
  }
  Status Sql(std::string_view sql) {
    return database_->Write([&](storage::Transaction& t) { return t.Execute(sql, {}).status(); });
  }
  std::string WriteFile(const std::string& name, const std::string& bytes) {
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    return folder_ / name;
  }
  static std::string ReadFile(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  storage::TempFolder folder_;
  FakeClock clock_;
  std::unique_ptr<storage::Database> database_;
  std::unique_ptr<storage::BlobStore> blobs_;
  std::unique_ptr<Tracking> tracking_;
};

TEST_F(TrackingTest, StartsWithTheExperimentNamedDefault) {
  const auto experiment = tracking_->GetExperiment("0");
  ASSERT_TRUE(experiment.ok());
  EXPECT_EQ(experiment->name, "Default");
  EXPECT_EQ(experiment->artifact_location, "mlflow-artifacts:/0");
  EXPECT_FALSE(experiment->deleted);
  Reopen();
  EXPECT_EQ(tracking_->ListExperiments()->size(), 1u);
}

TEST_F(TrackingTest, NumbersExperimentsAndKeepsTheirNamesApart) {
  EXPECT_EQ(tracking_->CreateExperiment("films")->id, "1");
  clock_.Advance(std::chrono::milliseconds(3));
  const auto second = tracking_->CreateExperiment("영화");
  EXPECT_EQ(second->id, "2");
  EXPECT_EQ(second->created, clock_.Now());
  EXPECT_EQ(tracking_->CreateExperiment("films").status().code(), Code::kAlreadyExists);
  EXPECT_EQ(tracking_->GetOrCreateExperiment("films")->id, "1");
  EXPECT_EQ(tracking_->GetOrCreateExperiment("new")->id, "3");
  EXPECT_EQ(tracking_->CreateExperiment("").status().code(), Code::kInvalidArgument);
  const auto all = tracking_->ListExperiments();
  ASSERT_EQ(all->size(), 4u);
  EXPECT_EQ((*all)[2].name, "영화");
  for (const std::string id : {"4", "", "-1", "01", "1 ", "x", "99999999999999999999"}) {
    EXPECT_EQ(tracking_->GetExperiment(id).status().code(), Code::kNotFound) << id;
  }
}

TEST_F(TrackingTest, MakesRunsWithMlflowsIds) {
  NewRun wanted;
  wanted.name = "first";
  wanted.user = "ada";
  wanted.tags = {{"k", "v"}};
  const auto run = tracking_->CreateRun(wanted);
  ASSERT_TRUE(run.ok()) << run.status().ToString();
  EXPECT_EQ(run->id.size(), 32u);
  EXPECT_EQ(run->id.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(run->name, "first");
  EXPECT_EQ(run->user, "ada");
  EXPECT_EQ(run->experiment_id, "0");
  EXPECT_EQ(run->status, RunStatus::kRunning);
  EXPECT_EQ(run->start, clock_.Now());
  EXPECT_FALSE(run->end.has_value());
  EXPECT_EQ(run->tags,
            (std::map<std::string, std::string>{{"k", "v"}, {"mlflow.runName", "first"}}));
  EXPECT_NE(tracking_->CreateRun(wanted)->id, run->id);
  EXPECT_EQ(tracking_->GetRun("0123").status().code(), Code::kNotFound);
  wanted.experiment_id = "7";
  EXPECT_EQ(tracking_->CreateRun(wanted).status().code(), Code::kNotFound);
}

TEST_F(TrackingTest, ARunsNameAndItsTagAreOne) {
  const auto invented = tracking_->CreateRun({});
  EXPECT_EQ(std::count(invented->name.begin(), invented->name.end(), '-'), 2) << invented->name;
  EXPECT_EQ(invented->tags.at("mlflow.runName"), invented->name);
  NewRun tagged;
  tagged.tags = {{"mlflow.runName", "by tag"}};
  EXPECT_EQ(tracking_->CreateRun(tagged)->name, "by tag");
  tagged.name = "other";
  EXPECT_EQ(tracking_->CreateRun(tagged).status().code(), Code::kInvalidArgument);
  ASSERT_TRUE(tracking_->Log(invented->id, {{}, {}, {{"mlflow.runName", "renamed"}}}).ok());
  EXPECT_EQ(tracking_->GetRun(invented->id)->name, "renamed");
}

TEST_F(TrackingTest, ListsRunsNewestFirstInPages) {
  const std::string other = tracking_->CreateExperiment("other")->id;
  std::vector<std::string> made;
  for (int i = 0; i < 25; ++i) {
    clock_.Advance(std::chrono::milliseconds(i % 3));  // some start together: then by id
    made.push_back(NewRunId());
    NewRunId(other);
  }
  std::vector<tracking::Run> paged;
  for (size_t offset = 0; offset < 30; offset += 7) {
    const auto page = tracking_->ListRuns("0", 7, offset);
    ASSERT_TRUE(page.ok());
    EXPECT_LE(page->size(), 7u);
    paged.insert(paged.end(), page->begin(), page->end());
  }
  ASSERT_EQ(paged.size(), made.size());
  for (size_t i = 1; i < paged.size(); ++i) {
    const auto& a = paged[i - 1];
    const auto& b = paged[i];
    EXPECT_TRUE(a.start > b.start || (a.start == b.start && a.id < b.id));
  }
  EXPECT_EQ(tracking_->ListRuns("", 100, 0)->size(), 50u);
  EXPECT_EQ(tracking_->ListRuns("9", 1, 0).status().code(), Code::kNotFound);
  EXPECT_EQ(tracking_->ListRuns("0", kMaxRunPage + 1, 0).status().code(), Code::kInvalidArgument);
}

TEST_F(TrackingTest, KeepsABatchWholeOrNotAtAll) {
  const std::string run = NewRunId();
  ASSERT_TRUE(
      tracking_->Log(run, {{Point("loss", 1, 10, 0.5)}, {{"lr", "0.1"}}, {{"t", "1"}}}).ok());
  const Batch bad = {{Point("loss", 2, 20, 0.4), Point("new", 1, 1, 1)},
                     {{"depth", "3"}, {"lr", "0.2"}},
                     {{"t", "2"}, {"u", "1"}}};
  const Status status = tracking_->Log(run, bad);
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("\"lr\""), std::string_view::npos) << status.ToString();
  for (int round = 0; round < 2; ++round) {
    const auto held = tracking_->GetRun(run);
    EXPECT_EQ(held->params, (std::map<std::string, std::string>{{"lr", "0.1"}}));
    EXPECT_EQ(held->tags.at("t"), "1");
    EXPECT_FALSE(held->tags.contains("u"));
    ASSERT_EQ(held->latest.size(), 1u);
    EXPECT_EQ(held->latest[0].value, 0.5);
    EXPECT_EQ(tracking_->History(run, "loss", 100, 0)->size(), 1u);
    Reopen();
  }
  Batch large;
  large.metrics.assign(1'001, Point("m", 1, 1, 1));
  EXPECT_EQ(tracking_->Log(run, large).code(), Code::kInvalidArgument);
  EXPECT_EQ(tracking_->Log("no such run", {}).code(), Code::kNotFound);
}

TEST_F(TrackingTest, WritesAParamOnceAndTagsAnew) {
  const std::string run = NewRunId();
  const std::string longest = std::string(5'999, 'x') + "한";
  ASSERT_TRUE(
      tracking_->Log(run, {{}, {{"p", longest}, {"empty", ""}}, {{"t", "1"}, {"t", "2"}}}).ok());
  EXPECT_TRUE(tracking_->Log(run, {{}, {{"p", longest}, {"empty", ""}}, {}}).ok());
  EXPECT_EQ(tracking_->Log(run, {{}, {{"p", "other"}}, {}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(tracking_->Log(run, {{}, {{"empty", "x"}}, {}}).code(), Code::kInvalidArgument);
  EXPECT_EQ(tracking_->GetRun(run)->params.at("p"), longest);
  EXPECT_EQ(tracking_->GetRun(run)->tags.at("t"), "2");
  ASSERT_TRUE(tracking_->Log(run, {{}, {}, {{"t", "3"}}}).ok());
  EXPECT_EQ(tracking_->GetRun(run)->tags.at("t"), "3");
}

TEST_F(TrackingTest, DropsWhatARetrySendsAgain) {
  const std::string run = NewRunId();
  const std::vector<Metric> metrics = {
      Point("loss", 1, 10, 0.5),         Point("loss", 1, 10, 0.5),
      Point("loss", 1, 10, 0.6),         Point("loss", 1, 11, 0.5),
      Point("loss", 2, 10, 0.5),         Point("loss", 1, 10, std::nan("")),
      Point("loss", 1, 10, std::nan(""))};
  for (int retry = 0; retry < 3; ++retry) {
    ASSERT_TRUE(LogMetrics(run, metrics).ok());
    EXPECT_EQ(tracking_->History(run, "loss", 100, 0)->size(), 5u);
  }
  // Another run and another key with the same points are others.
  ASSERT_TRUE(LogMetrics(NewRunId(), metrics).ok());
  ASSERT_TRUE(LogMetrics(run, {Point("acc", 1, 10, 0.5)}).ok());
  EXPECT_EQ(tracking_->History(run, "loss", 100, 0)->size(), 5u);
  EXPECT_EQ(tracking_->History(run, "acc", 100, 0)->size(), 1u);
}

TEST_F(TrackingTest, GivesEveryNumberBackToTheBit) {
  const std::string run = NewRunId();
  const std::vector<double> values = {0.1,
                                      -0.0,
                                      0.0,
                                      5e-324,
                                      1.7976931348623157e308,
                                      3,
                                      std::numeric_limits<double>::infinity(),
                                      -std::numeric_limits<double>::infinity()};
  for (size_t i = 0; i < values.size(); ++i) {
    ASSERT_TRUE(LogMetrics(run, {Point("m", static_cast<int64_t>(i), 0, values[i])}).ok());
  }
  ASSERT_TRUE(
      LogMetrics(run, {Point("m", int64_t{1} << 40, 0, std::nan("")), Point("m", -7, -5, 1)}).ok());
  const auto held = tracking_->History(run, "m", 100, 0);
  ASSERT_EQ(held->size(), values.size() + 2);
  EXPECT_EQ(held->front().step, -7);
  EXPECT_EQ(held->front().time, FromUnixMillis(-5));
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ((*held)[i + 1].value, values[i]);
    EXPECT_EQ(std::signbit((*held)[i + 1].value), std::signbit(values[i]));
  }
  EXPECT_TRUE(std::isnan(held->back().value));
  EXPECT_TRUE(std::isnan(tracking_->GetRun(run)->latest[0].value));
}

// Against the definition, computed afresh: greatest (step, time, value) of all points logged so
// far, in any order.
TEST_F(TrackingTest, LatestIsTheGreatestStepThenTimeThenValue) {
  const std::string run = NewRunId();
  Rng rng(3);
  std::vector<Metric> all;
  for (int batch = 0; batch < 60; ++batch) {
    std::vector<Metric> metrics;
    for (uint64_t i = 0; i <= rng.Below(4); ++i) {
      metrics.push_back(Point("m", static_cast<int64_t>(rng.Below(4)),
                              static_cast<int64_t>(rng.Below(3)),
                              static_cast<double>(rng.Below(3)) - 1));
    }
    all.insert(all.end(), metrics.begin(), metrics.end());
    ASSERT_TRUE(LogMetrics(run, metrics).ok());
    const auto greatest =
        std::max_element(all.begin(), all.end(), [](const Metric& a, const Metric& b) {
          return std::tie(a.step, a.time, a.value) < std::tie(b.step, b.time, b.value);
        });
    const auto held = tracking_->GetRun(run);
    ASSERT_EQ(held->latest.size(), 1u);
    EXPECT_EQ(held->latest[0].step, greatest->step);
    EXPECT_EQ(held->latest[0].time, greatest->time);
    EXPECT_EQ(held->latest[0].value, greatest->value);
  }
  std::sort(all.begin(), all.end(), [](const Metric& a, const Metric& b) {
    return std::tie(a.step, a.time, a.value) < std::tie(b.step, b.time, b.value);
  });
  all.erase(std::unique(all.begin(), all.end(),
                        [](const Metric& a, const Metric& b) {
                          return std::tie(a.step, a.time, a.value) ==
                                 std::tie(b.step, b.time, b.value);
                        }),
            all.end());
  const auto held = tracking_->History(run, "m", 1'000, 0);
  ASSERT_EQ(held->size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(std::tie((*held)[i].step, (*held)[i].time, (*held)[i].value),
              std::tie(all[i].step, all[i].time, all[i].value));
  }
}

TEST_F(TrackingTest, ReadsASeriesInPages) {
  const std::string run = NewRunId();
  for (int64_t batch = 0; batch < 3; ++batch) {
    std::vector<Metric> metrics;
    for (int64_t i = 0; i < 1'000; ++i) {
      metrics.push_back(Point("m", batch * 1'000 + i, i, static_cast<double>(i)));
    }
    ASSERT_TRUE(LogMetrics(run, metrics).ok());
  }
  int64_t next = 0;
  for (size_t offset = 0;; offset += 700) {
    const auto page = tracking_->History(run, "m", 700, offset);
    ASSERT_TRUE(page.ok());
    for (const Metric& metric : *page) {
      EXPECT_EQ(metric.step, next++);
    }
    if (page->size() < 700) {
      break;
    }
  }
  EXPECT_EQ(next, 3'000);
  EXPECT_TRUE(tracking_->History(run, "m", 10, 3'000)->empty());
  EXPECT_TRUE(tracking_->History(run, "unknown", 10, 0)->empty());
  EXPECT_EQ(tracking_->History("no run", "m", 10, 0).status().code(), Code::kNotFound);
  EXPECT_EQ(tracking_->History(run, "m", kMaxHistoryPage + 1, 0).status().code(),
            Code::kInvalidArgument);
}

TEST_F(TrackingTest, EndsRunsAndTakesThemUpAgain) {
  const std::string run = NewRunId();
  clock_.Advance(std::chrono::milliseconds(9));
  const Time first = clock_.Now();
  ASSERT_TRUE(tracking_->EndRun(run, RunStatus::kFinished).ok());
  EXPECT_EQ(tracking_->GetRun(run)->end, first);
  clock_.Advance(std::chrono::milliseconds(9));
  EXPECT_TRUE(tracking_->EndRun(run, RunStatus::kFinished).ok());  // a retry
  EXPECT_EQ(tracking_->GetRun(run)->end, first);
  EXPECT_TRUE(LogMetrics(run, {Point("late", 1, 1, 1)}).ok());
  EXPECT_TRUE(tracking_->EndRun(run, RunStatus::kFailed).ok());
  EXPECT_EQ(tracking_->GetRun(run)->end, clock_.Now());
  EXPECT_TRUE(tracking_->EndRun(run, RunStatus::kRunning).ok());
  EXPECT_FALSE(tracking_->GetRun(run)->end.has_value());
  EXPECT_EQ(tracking_->EndRun("none", RunStatus::kFailed).code(), Code::kNotFound);
}

TEST_F(TrackingTest, EveryPairOfStatusesIsDecided) {
  const std::vector<RunStatus> all = {RunStatus::kRunning, RunStatus::kScheduled,
                                      RunStatus::kFinished, RunStatus::kFailed, RunStatus::kKilled};
  for (const RunStatus from : all) {
    for (const RunStatus to : all) {
      const std::string run = NewRunId();
      const std::string sql = "UPDATE runs SET status = '" + std::string(RunStatusName(from)) +
                              "' WHERE run_id = '" + run + "'";
      ASSERT_TRUE(Sql(sql).ok());
      const bool allowed = from == to || to != RunStatus::kScheduled;
      EXPECT_EQ(internal::CanMove(from, to), allowed);
      EXPECT_EQ(tracking_->EndRun(run, to).code(), allowed ? Code::kOk : Code::kFailedPrecondition);
      EXPECT_EQ(tracking_->GetRun(run)->status, allowed ? to : from);
    }
    EXPECT_EQ(internal::ParseRunStatus(RunStatusName(from)), from);
  }
  EXPECT_EQ(internal::ParseRunStatus("running"), std::nullopt);
}

TEST_F(TrackingTest, WritesNothingToWhatIsDeleted) {
  const std::string run = NewRunId();
  ASSERT_TRUE(Sql("UPDATE runs SET deleted = 1").ok());
  EXPECT_TRUE(tracking_->GetRun(run)->deleted);
  EXPECT_TRUE(tracking_->ListRuns("0", 10, 0)->empty());
  EXPECT_EQ(LogMetrics(run, {Point("m", 1, 1, 1)}).code(), Code::kFailedPrecondition);
  EXPECT_EQ(tracking_->EndRun(run, RunStatus::kFailed).code(), Code::kFailedPrecondition);
  EXPECT_EQ(tracking_->LogArtifactBytes(run, "a", "a").code(), Code::kFailedPrecondition);
  ASSERT_TRUE(Sql("UPDATE experiments SET deleted = 1").ok());
  EXPECT_EQ(tracking_->CreateRun({}).status().code(), Code::kFailedPrecondition);
}

TEST_F(TrackingTest, KeepsArtifactsByPath) {
  const std::string run = NewRunId();
  ASSERT_TRUE(tracking_->LogArtifactBytes(run, "model/manifest.json", "{}").ok());
  ASSERT_TRUE(
      tracking_->LogArtifactBytes(run, "model/weights/0.bin", std::string(100'000, 'w')).ok());
  ASSERT_TRUE(tracking_->LogArtifactFile(run, "models.txt", WriteFile("source", "text")).ok());
  ASSERT_TRUE(tracking_->LogArtifactBytes(run, "모델/%2e%2e", "literal").ok());
  const auto paths = [&](std::string_view prefix) {
    std::vector<std::string> found;
    const auto artifacts = tracking_->ListArtifacts(run, prefix);
    EXPECT_TRUE(artifacts.ok()) << artifacts.status().ToString();
    for (const Artifact& artifact : *artifacts) {
      found.push_back(artifact.path);
    }
    return found;
  };
  EXPECT_EQ(paths(""), (std::vector<std::string>{"model/manifest.json", "model/weights/0.bin",
                                                 "models.txt", "모델/%2e%2e"}));
  EXPECT_EQ(paths("model"),
            (std::vector<std::string>{"model/manifest.json", "model/weights/0.bin"}));
  EXPECT_EQ(paths("model/"), paths("model"));
  EXPECT_EQ(paths("model/weights"), std::vector<std::string>{"model/weights/0.bin"});
  EXPECT_EQ(paths("models.txt"), std::vector<std::string>{"models.txt"});
  EXPECT_TRUE(paths("mod").empty());
  EXPECT_EQ(tracking_->ListArtifacts(run, "")->front().bytes, 2u);
  ASSERT_TRUE(tracking_->LogArtifactBytes(run, "models.txt", "later").ok());  // the last one counts
  EXPECT_EQ(tracking_->ListArtifacts(run, "models.txt")->front().bytes, 5u);

  ASSERT_TRUE(tracking_->FetchArtifacts(run, "model", folder_ / "fetched").ok());
  EXPECT_EQ(ReadFile(folder_ / "fetched/manifest.json"), "{}");
  EXPECT_EQ(ReadFile(folder_ / "fetched/weights/0.bin").size(), 100'000u);
  ASSERT_TRUE(tracking_->FetchArtifacts(run, "", folder_ / "all").ok());
  EXPECT_EQ(ReadFile(folder_ / "all/models.txt"), "later");
  EXPECT_EQ(ReadFile(folder_ / "all/모델/%2e%2e"), "literal");
  ASSERT_TRUE(tracking_->FetchArtifacts(run, "models.txt", folder_ / "one").ok());
  EXPECT_EQ(ReadFile(folder_ / "one/models.txt"), "later");
  EXPECT_EQ(tracking_->FetchArtifacts(run, "nothing", folder_ / "none").code(), Code::kNotFound);
  EXPECT_FALSE(fs::exists(folder_ / "none"));
}

TEST_F(TrackingTest, RefusesArtifactsOutOfPlace) {
  const std::string run = NewRunId();
  ASSERT_TRUE(tracking_->LogArtifactBytes(run, "a/b", "x").ok());
  for (const std::string& path :
       {std::string(), std::string(".."), std::string("../x"), std::string("a/../../x"),
        std::string("/etc/passwd"), std::string("a\\b"), std::string("a//b"), std::string("a/"),
        std::string("a\0b", 3), std::string("./a"), std::string("\xff")}) {
    EXPECT_EQ(tracking_->LogArtifactBytes(run, path, "x").code(), Code::kInvalidArgument) << path;
    EXPECT_EQ(tracking_->LogArtifactFile(run, path, "/etc/hostname").code(), Code::kInvalidArgument)
        << path;
    if (!path.empty() && path != "a/") {
      EXPECT_EQ(tracking_->ListArtifacts(run, path).status().code(), Code::kInvalidArgument)
          << path;
      EXPECT_EQ(tracking_->FetchArtifacts(run, path, folder_ / "out").code(),
                Code::kInvalidArgument)
          << path;
    }
  }
  EXPECT_EQ(tracking_->LogArtifactBytes(run, "a", "x").code(),
            Code::kFailedPrecondition);  // a folder
  EXPECT_EQ(tracking_->LogArtifactBytes(run, "a/b/c", "x").code(),
            Code::kFailedPrecondition);  // below a file
  EXPECT_TRUE(tracking_->LogArtifactBytes(run, "a-b", "x").ok());
  EXPECT_EQ(tracking_->LogArtifactBytes("none", "x", "x").code(), Code::kNotFound);
  EXPECT_EQ(tracking_->LogArtifactFile(run, "x", folder_ / "missing").code(), Code::kNotFound);
  EXPECT_EQ(tracking_->ListArtifacts(run, "")->size(), 2u);
}

TEST_F(TrackingTest, GivesNoAlteredArtifactOut) {
  const std::string run = NewRunId();
  ASSERT_TRUE(tracking_->LogArtifactBytes(run, "a", "true").ok());
  const std::string digest = tracking_->ListArtifacts(run, "")->front().digest;
  WriteFile("blobs/" + digest.substr(0, 2) + "/" + digest.substr(2, 2) + "/" + digest, "fake");
  EXPECT_EQ(tracking_->FetchArtifacts(run, "", folder_ / "out").code(), Code::kDataLoss);
  EXPECT_FALSE(fs::exists(folder_ / "out/a"));
}

// Twelve clients at once on shared and own runs and experiments: nobody is ever told to come back,
// nothing is lost.
TEST_F(TrackingTest, ManyWritersInParallelNeverFail) {
  constexpr int kClients = 12;
  constexpr int kBatches = 25;
  const std::string shared = NewRunId();
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        const auto experiment = tracking_->GetOrCreateExperiment("exp " + std::to_string(c % 3));
        ASSERT_TRUE(experiment.ok()) << experiment.status().ToString();
        const std::string own = NewRunId(experiment->id);
        for (int b = 0; b < kBatches; ++b) {
          Batch batch;
          for (int i = 0; i < 20; ++i) {
            batch.metrics.push_back(Point("m" + std::to_string(i % 4), b * 20 + i, c, i));
          }
          batch.params = {{"same", "value"}, {"p" + std::to_string(b), "x"}};
          batch.tags = {{"last", std::to_string(c)}};
          for (const std::string& run : {own, shared}) {
            const Status status = tracking_->Log(run, batch);
            ASSERT_TRUE(status.ok()) << status.ToString();
          }
          ASSERT_TRUE(tracking_->GetRun(shared).ok());
        }
        ASSERT_TRUE(tracking_->LogArtifactBytes(shared, "c" + std::to_string(c), "x").ok());
        ASSERT_TRUE(tracking_->EndRun(own, RunStatus::kFinished).ok());
      });
    }
  }
  EXPECT_EQ(tracking_->ListExperiments()->size(), 4u);
  EXPECT_EQ(tracking_->ListArtifacts(shared, "")->size(), static_cast<size_t>(kClients));
  size_t points = 0;
  for (int i = 0; i < 4; ++i) {
    points += tracking_->History(shared, "m" + std::to_string(i), 25'000, 0)->size();
  }
  EXPECT_EQ(points, static_cast<size_t>(kClients * kBatches * 20));
  EXPECT_TRUE(database_->Check().ok());
}

}  // namespace
}  // namespace hoego::tracking
