#include "training/job.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <set>
#include <thread>

#include "base/crypto.h"
#include "base/disk.h"
#include "base/random.h"
#include "datasets/from_files.h"
#include "training/evaluation_file.h"
#include "training/internal/file_digests.h"

namespace hoego::training {
namespace {

struct Recorder final : Observer {
  void Progress(double share, std::string_view what) override {
    shares.push_back(share);
    whats.insert(std::string(what));
    if (on_progress) {
      on_progress();
    }
  }
  void Metric(std::string_view name, double value, int64_t) override {
    metrics[std::string(name)] = value;
  }
  std::vector<double> shares;
  std::set<std::string> whats;
  std::map<std::string, double> metrics;
  std::function<void()> on_progress;
};

// Two tastes: even units like even items, odd ones odd items; 60 units, 40 items, 10 events each.
datasets::Dataset TwoTastes() {
  Rng rng(4);
  std::vector<datasets::Pair> pairs;
  for (uint32_t u = 0; u < 60; ++u) {
    for (int n = 0; n < 10; ++n) {
      pairs.push_back({u, "i" + std::to_string(2 * rng.Below(20) + u % 2), 1, 1000 * n});
    }
  }
  return datasets::FromPairs(pairs);
}

class JobTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "hoego_job_" + std::to_string(::getpid());
    std::filesystem::create_directories(folder_);
    ASSERT_TRUE(datasets::SaveDataset(dataset_, Path("d")).ok());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(const std::string& name) const { return folder_ + "/" + name; }

  JobSpec Spec(const std::string& output = "job") const {
    JobSpec spec;
    spec.dataset = Path("d");
    spec.split = {datasets::SplitBy::kPerUnitTime, 0.2, 0.2, 1};
    spec.algorithm = "ease";
    spec.search.grid = {{"l2", {"1", "10", "1000"}}};
    spec.search.objective = "ndcg@5";
    spec.cutoffs = {5};
    spec.bootstrap = 100;
    spec.threads = 2;
    spec.nice = 0;
    spec.output = Path(output);
    return spec;
  }

  Result<JobResult> Run(const JobSpec& spec, const std::stop_token& stop = {}) {
    return RunJob("/proc/self/exe", spec, recorder_, stop);
  }

  // A child that does what the script says; $1 is train-child, $2 the spec's path.
  Result<JobResult> RunScript(const std::string& script, JobSpec spec,
                              const std::stop_token& stop = {}) {
    const std::string path = Path("child.sh");
    std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
    ::chmod(path.c_str(), 0755);
    return RunJob(path, spec, recorder_, stop);
  }

  std::string folder_;
  datasets::Dataset dataset_ = TwoTastes();
  Recorder recorder_;
};

TEST_F(JobTest, SearchesFitsEvaluatesAndLeavesAModelThatLoads) {
  const JobResult r = Run(Spec()).value();
  EXPECT_EQ(r.dataset_digest, dataset_.digest);
  EXPECT_EQ(r.units, 60u);
  EXPECT_EQ(r.items, 40u);
  EXPECT_EQ(r.trials.size(), 3u);
  EXPECT_EQ(r.params.at("l2"), r.trials[r.best_trial].params.at("l2"));
  for (const Trial& trial : r.trials) {
    EXPECT_LE(trial.objective, r.trials[r.best_trial].objective);
    EXPECT_TRUE(trial.metrics.count("recall@5"));
  }
  EXPECT_TRUE(r.reproducible);
  EXPECT_GT(r.metrics.at("hit_rate@5"), 0.1);
  EXPECT_LE(r.intervals.at("ndcg@5").low, r.metrics.at("ndcg@5"));
  EXPECT_GE(r.intervals.at("ndcg@5").high, r.metrics.at("ndcg@5"));
  EXPECT_GT(r.max_rss_bytes, 1u << 20);
  const auto model = models::LoadModel(Path("job/model")).value();
  EXPECT_EQ(model->items(), 40u);
  EXPECT_EQ(model->manifest().dataset_digest, dataset_.digest);
  const StoredEvaluation stored = LoadEvaluation(Path("job/evaluation.bin")).value();
  EXPECT_EQ(stored.evaluation.overall, r.metrics);
}

TEST_F(JobTest, TheEvaluationIsThatOfTheSavedModelOnUnitsItsFitNeverSaw) {
  const JobSpec spec = Spec();
  const JobResult r = Run(spec).value();
  const auto model = models::LoadModel(Path("job/model")).value();
  const auto split = datasets::MakeSplit(dataset_, spec.split).value();
  using datasets::Part;
  const auto history = datasets::ToCsr(dataset_, split, {Part::kTrain, Part::kValidate});
  const auto relevant = datasets::ToCsr(dataset_, split, {Part::kTest});
  ThreadPool pool(1);
  EXPECT_EQ(Evaluate({*model, history, relevant, {5}}, pool, {})->overall, r.metrics);
}

TEST_F(JobTest, SaysHowItGoesOn) {
  ASSERT_TRUE(Run(Spec()).ok());
  EXPECT_TRUE(std::is_sorted(recorder_.shares.begin(), recorder_.shares.end()));
  EXPECT_EQ(recorder_.shares.front(), 0);
  EXPECT_TRUE(recorder_.whats.count("load dataset"));
  EXPECT_TRUE(recorder_.whats.count("trial 2 of 3: l2=10"));
  EXPECT_TRUE(recorder_.metrics.count("search/ndcg@5"));
  EXPECT_TRUE(recorder_.metrics.count("ndcg@5"));
}

TEST_F(JobTest, TheSameSpecGivesBitEqualModelFilesForEveryAlgorithm) {
  for (const std::string& algorithm : AlgorithmNames()) {
    JobSpec a = Spec("a_" + algorithm);
    a.algorithm = algorithm;
    a.search.grid.clear();
    JobSpec b = a;
    b.output = Path("b_" + algorithm);
    const JobResult first = Run(a).value();
    const JobResult second = Run(b).value();
    EXPECT_EQ(first.model_files, second.model_files) << algorithm;
    EXPECT_FALSE(first.model_files.empty());
    EXPECT_EQ(first.metrics, second.metrics) << algorithm;
    EXPECT_EQ(ReadWholeFile(RealDisk(), Path("a_" + algorithm + "/model/manifest.json")).value(),
              ReadWholeFile(RealDisk(), Path("b_" + algorithm + "/model/manifest.json")).value());
  }
}

TEST_F(JobTest, JobsRunSideBySide) {
  std::vector<Result<JobResult>> results;
  for (int i = 0; i < 3; ++i) {
    results.emplace_back(Status::Internal("not run"));
  }
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < results.size(); ++i) {
      threads.emplace_back([&, i] {
        Recorder own;
        results[i] = RunJob("/proc/self/exe", Spec("side" + std::to_string(i)), own, {});
      });
    }
  }
  for (const auto& r : results) {
    ASSERT_TRUE(r.ok()) << r.status().ToString();
    EXPECT_EQ(r->model_files, results[0]->model_files);
  }
}

TEST_F(JobTest, AFinishedJobIsAnsweredWithoutAChildAndAnotherOneIsRefused) {
  const JobSpec spec = Spec();
  const JobResult first = Run(spec).value();
  JobSpec elsewhere = spec;
  elsewhere.threads = 1;
  elsewhere.nice = 5;
  const auto again = RunScript("exit 9", elsewhere);
  ASSERT_TRUE(again.ok()) << again.status().ToString();
  EXPECT_EQ(again->model_files, first.model_files);
  JobSpec other = spec;
  other.seed = 2;
  EXPECT_EQ(Run(other).status().code(), Code::kAlreadyExists);
}

TEST_F(JobTest, AJobThatWasKilledIsNotFinishedAndRunsAnew) {
  EXPECT_EQ(ReadJobResult(Path("job")).status().code(), Code::kNotFound);
  ASSERT_FALSE(
      RunScript(
          "mkdir -p $(dirname $2)/model; echo half >$(dirname $2)/model/manifest.json; kill -9 $$",
          Spec())
          .ok());
  EXPECT_EQ(ReadJobResult(Path("job")).status().code(), Code::kNotFound);
  ASSERT_TRUE(Run(Spec()).ok());
  EXPECT_TRUE(ReadJobResult(Path("job")).ok());
  EXPECT_TRUE(models::LoadModel(Path("job/model")).ok());
}

// ---- Children that fail, each in its own way
// --------------------------------------------------------------------------------

TEST_F(JobTest, WhatTheChildRefusesComesBackAsItSaidIt) {
  JobSpec spec = Spec();
  spec.algorithm = "eaze";
  Status status = Run(spec).status();
  EXPECT_EQ(status.code(), Code::kNotFound);
  EXPECT_NE(status.message().find("did you mean ease?"), std::string::npos) << status.message();
  spec = Spec();
  spec.params = {{"l3", "1"}};
  EXPECT_EQ(Run(spec).status().code(), Code::kInvalidArgument);
  spec = Spec();
  spec.dataset = Path("none");
  EXPECT_EQ(Run(spec).status().code(), Code::kNotFound);
  spec = Spec();
  spec.dataset_digest = std::string(64, '0');
  EXPECT_EQ(Run(spec).status().code(), Code::kFailedPrecondition);
  spec = Spec();
  spec.split.by = datasets::SplitBy::kGiven;
  EXPECT_EQ(Run(spec).status().code(), Code::kFailedPrecondition);
}

TEST_F(JobTest, ALeakedSplitIsRefused) {
  std::ofstream(Path("train")) << "1 a b c\n2 a b\n";
  std::ofstream(Path("test")) << "1 a\n2 c\n";
  ASSERT_TRUE(datasets::SaveDataset(datasets::FromGivenLists(Path("train"), Path("test")).value(),
                                    Path("leaked"))
                  .ok());
  JobSpec spec = Spec();
  spec.dataset = Path("leaked");
  spec.split.by = datasets::SplitBy::kGiven;
  spec.search.grid.clear();
  const Status status = Run(spec).status();
  EXPECT_EQ(status.code(), Code::kFailedPrecondition);
  EXPECT_NE(status.message().find("leaked split"), std::string::npos) << status.message();
  EXPECT_FALSE(RealDisk().Exists(Path("job/model")));
}

TEST_F(JobTest, ACrashNamesItsSignalAndLastWords) {
  const Status status = RunScript("echo 'the last words' >&2; kill -SEGV $$", Spec()).status();
  EXPECT_EQ(status.code(), Code::kInternal);
  EXPECT_NE(status.message().find("signal 11"), std::string::npos) << status.message();
  EXPECT_NE(status.message().find("the last words"), std::string::npos);
  EXPECT_NE(status.message().find("train ease"), std::string::npos);
}

TEST_F(JobTest, AFailingExitCodeIsAFailureEvenWithoutAWord) {
  EXPECT_EQ(RunScript("exit 3", Spec()).status().code(), Code::kInternal);
  EXPECT_EQ(RunJob("/no/such/program", Spec(), recorder_, {}).status().code(), Code::kNotFound);
}

TEST_F(JobTest, AHangEndsAtItsTimeout) {
  JobSpec spec = Spec();
  spec.timeout_ms = 50;
  EXPECT_EQ(RunScript("exec tail -f /dev/null", spec).status().code(), Code::kDeadlineExceeded);
}

TEST_F(JobTest, AStopEndsTheChild) {
  std::stop_source stop;
  recorder_.on_progress = [&stop] { stop.request_stop(); };
  const Status status =
      RunScript(R"(echo '{"type":"progress","share":0.1,"what":"x"}'; exec tail -f /dev/null)",
                Spec(), stop.get_token())
          .status();
  EXPECT_EQ(status.code(), Code::kCancelled);
}

TEST_F(JobTest, AKilledChildIsThoughtToBeOutOfMemory) {
  EXPECT_EQ(RunScript("kill -9 $$", Spec()).status().code(), Code::kResourceExhausted);
}

TEST_F(JobTest, AnAllocationThatFailedInAThreadIsOutOfMemory) {
  const std::string words =
      "echo \"terminate called after throwing an instance of 'std::bad_alloc'\" >&2; kill -ABRT $$";
  EXPECT_EQ(RunScript(words, Spec()).status().code(), Code::kResourceExhausted);
}

// Under a sanitizer children have no limit (job.cc).
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// So little address space that no copy of this program gets far: whatever breaks first, it is a
// status and no result.
TEST_F(JobTest, AChildWithoutMemoryFailsAndLeavesNoResult) {
  JobSpec spec = Spec();
  spec.memory_bytes = 48u << 20;
  EXPECT_FALSE(Run(spec).ok());
  EXPECT_EQ(ReadJobResult(Path("job")).status().code(), Code::kNotFound);
}
#endif

TEST_F(JobTest, AJobBeyondItsMemoryIsRefusedByItsPlan) {
  JobSpec spec = Spec();
  std::vector<datasets::Pair> pairs;
  for (uint32_t i = 0; i < 20000; ++i) {
    pairs.push_back({i % 100, std::to_string(i), 1, i});
  }
  ASSERT_TRUE(datasets::SaveDataset(datasets::FromPairs(pairs), Path("wide")).ok());
  spec.dataset = Path("wide");
  spec.search.grid.clear();
  spec.memory_bytes = 1u << 30;
  const Status status = Run(spec).status();
  EXPECT_EQ(status.code(), Code::kResourceExhausted);
  EXPECT_NE(status.message().find("ease would need"), std::string::npos) << status.message();
}

TEST_F(JobTest, AChildThatLiesIsNotBelieved) {
  const auto code_of = [&](const std::string& script) {
    const Status status = RunScript(script, Spec()).status();
    return std::pair(status.code(), std::string(status.message()));
  };
  EXPECT_EQ(code_of("exit 0").first, Code::kDataLoss) << "no result at all";
  EXPECT_EQ(code_of("echo hello").first, Code::kDataLoss);
  EXPECT_EQ(code_of("echo '[1]'").first, Code::kDataLoss);
  EXPECT_EQ(code_of(R"(echo '{"type":"gossip"}')").first, Code::kDataLoss);
  EXPECT_EQ(code_of(R"(echo '{"type":"progress","share":7}')").first, Code::kDataLoss);
  EXPECT_EQ(code_of(R"(echo '{"type":"progress","share":"x"}')").first, Code::kDataLoss);
  EXPECT_EQ(code_of(R"(echo '{"type":"result","sha256":"00"}')").first, Code::kDataLoss)
      << "a result that is not there";
  EXPECT_EQ(
      code_of(R"(echo '{"type":"result","sha256":"00"}'; echo '{"type":"progress","share":1}')")
          .first,
      Code::kDataLoss);
  EXPECT_EQ(code_of(R"(echo '{"type":"error","code":"not_found","message":"m"}')").first,
            Code::kNotFound)
      << "but exit 0";
  EXPECT_EQ(code_of(R"(yes hello | head -c 100000000)").first, Code::kDataLoss)
      << "ended at the first line";
}

// A real child did the work; then its folder was altered before the parent looked.
TEST_F(JobTest, AResultThatDoesNotFitItsFolderIsNotBelievedAndTakenBack) {
  const std::string real = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string run = real + " train-child $2 >$2.out; code=$?; ";
  const std::string say = "cat $2.out; exit $code";
  const std::vector<std::string> deeds = {
      "echo >>$d/model/manifest.json; ", "rm -r $d/model; ",        "rm $d/evaluation.bin; ",
      "touch $d/model/extra; ",          "echo >>$d/result.json; ",
  };
  for (const std::string& deed : deeds) {
    const Status status = RunScript("d=$(dirname $2); " + run + deed + say, Spec()).status();
    EXPECT_EQ(status.code(), Code::kDataLoss) << deed << status.ToString();
    EXPECT_EQ(ReadJobResult(Path("job")).status().code(), Code::kNotFound) << deed;
  }
  EXPECT_TRUE(RunScript("d=$(dirname $2); " + run + say, Spec()).ok());
}

TEST_F(JobTest, OneJobAtATimeWorksInAFolder) {
  std::filesystem::create_directories(Path("job"));
  const auto held = FolderLock::Take(Path("job"));
  ASSERT_TRUE(held.ok());
  EXPECT_FALSE(Run(Spec()).ok());
}

// ---- The spec
// ------------------------------------------------------------------------------------------------------------------

TEST(JobSpecTest, ReadsBackWhatItWrites) {
  JobSpec spec;
  spec.dataset = "d";
  spec.dataset_digest = "abc";
  spec.split = {datasets::SplitBy::kRandom, 0.25, 0.125, 9};
  spec.fit = {datasets::Part::kTrain};
  spec.evaluate = datasets::Part::kValidate;
  spec.algorithm = "als";
  spec.params = {{"factors", "64"}, {"solver", "cg"}};
  spec.cutoffs = {1, 100};
  spec.bootstrap = 7;
  spec.confidence = 0.9;
  spec.seed = 5;
  spec.now_ms = 1234567890123;
  spec.code_version = "v";
  spec.threads = 3;
  spec.memory_bytes = 1ull << 40;
  spec.nice = 19;
  spec.timeout_ms = 5000;
  spec.output = "o";
  EXPECT_EQ(ToJson(ParseJobSpec(ToJson(spec)).value()), ToJson(spec));
  spec.evaluate.reset();
  spec.search = {{{"l2", {"1", "2"}}}, SearchKind::kRandom, 4, 2.5, "mrr@5", 1};
  spec.fit = {datasets::Part::kTrain, datasets::Part::kValidate, datasets::Part::kTest};
  EXPECT_EQ(ToJson(ParseJobSpec(ToJson(spec)).value()), ToJson(spec));
}

TEST(JobSpecTest, NumbersInParamsAndGridBecomeText) {
  const JobSpec spec =
      ParseJobSpec(
          R"({"dataset":"d","algorithm":"ease","output":"o","params":{"a":0.5,"b":64.0,"c":true,"d":"x"},
                                       "grid":{"l2":[100,"500",0.003]}})")
          .value();
  EXPECT_EQ(spec.params, (Params{{"a", "0.5"}, {"b", "64"}, {"c", "true"}, {"d", "x"}}));
  EXPECT_EQ(spec.search.grid.at("l2"), (std::vector<std::string>{"100", "500", "0.003"}));
  EXPECT_EQ(spec.search.objective, "ndcg@20");
  EXPECT_EQ(spec.fit.size(), 2u);
}

TEST(JobSpecTest, RefusesWhatItDoesNotUnderstand) {
  const auto refuse = [](const std::string& extra) {
    return std::string(
        ParseJobSpec(R"({"dataset":"d","algorithm":"ease","output":"o")" + extra + "}")
            .status()
            .message());
  };
  EXPECT_EQ(refuse(""), "");
  EXPECT_NE(refuse(R"(,"sead":1)").find("did you mean seed?"), std::string::npos);
  EXPECT_NE(refuse(R"(,"split":{"by":"fate"})").find("split"), std::string::npos);
  EXPECT_NE(refuse(R"(,"split":{"bi":"random"})").find("did you mean by?"), std::string::npos);
  EXPECT_NE(refuse(R"(,"fit":["train","test"])").find("both fitted and evaluated"),
            std::string::npos);
  EXPECT_NE(refuse(R"(,"fit":[])"), "");
  EXPECT_NE(refuse(R"(,"fit":"train")").find("expected an array"), std::string::npos);
  EXPECT_NE(refuse(R"(,"evaluate":"train")"), "");
  EXPECT_NE(
      refuse(R"(,"evaluate":"validate","fit":["train"],"grid":{"l2":[1]})").find("evaluate test"),
      std::string::npos);
  EXPECT_NE(refuse(R"(,"grid":{"l2":1})").find("array"), std::string::npos);
  EXPECT_NE(refuse(R"(,"grid":{"l2":[1]},"search":{"objective":"loss"})").find("metric"),
            std::string::npos);
  EXPECT_NE(refuse(R"(,"search":{"kind":"best"})").find("grid or random"), std::string::npos);
  EXPECT_NE(refuse(R"(,"params":{"a":[1]})"), "");
  EXPECT_NE(refuse(R"(,"cutoffs":[0])"), "");
  EXPECT_NE(refuse(R"(,"threads":-1)"), "");
  EXPECT_NE(refuse(R"(,"nice":20)"), "");
  EXPECT_NE(ParseJobSpec("[]").status().code(), Code::kOk);
  EXPECT_NE(ParseJobSpec(R"({"algorithm":"ease","output":"o"})").status().message().find("dataset"),
            std::string::npos);
}

TEST(JobSpecTest, TheDigestNamesWhatIsMadeAndNotWhere) {
  JobSpec a;
  a.dataset = "d";
  a.dataset_digest = "abc";
  a.algorithm = "ease";
  a.output = "o";
  JobSpec b = a;
  b.dataset = "elsewhere/d";
  b.output = "p";
  b.threads = 7;
  b.code_version = "newer";
  b.memory_bytes = 1;
  EXPECT_EQ(JobDigest(a), JobDigest(b));
  b.params["l2"] = "1";
  EXPECT_NE(JobDigest(a), JobDigest(b));
  b = a;
  b.dataset_digest = "abd";
  EXPECT_NE(JobDigest(a), JobDigest(b));
}

TEST(JobResultTest, ReadsBackWhatItWrites) {
  JobResult r;
  r.job_digest = "j";
  r.algorithm = "als";
  r.samples = {{"train", 5}};
  r.params = {{"factors", "8"}};
  r.trials = {{2, {{"l2", "1"}}, 0.25, {{"ndcg@5", 0.25}}, 1.5, ""}, {0, {}, 0, {}, 0, "why"}};
  r.best_trial = 0;
  r.metrics = {{"ndcg@5", 0.1}};
  r.intervals = {{"ndcg@5", {0.05, 0.15}}};
  r.model_files = {{"manifest.json", "aa"}};
  r.evaluation_file = "evaluation.bin";
  r.reproducible = false;
  r.plan = {1e9, 12};
  r.wall_seconds = 2.25;
  EXPECT_EQ(ToJson(ParseJobResult(ToJson(r)).value()), ToJson(r));
  EXPECT_FALSE(ParseJobResult("{}").ok());
}

}  // namespace
}  // namespace hoego::training

// This program is also its own training child.
int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "train-child") {
    return hoego::training::TrainChildMain(argv[2]);
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
