// The steps open, snapshot and train.
#include <algorithm>
#include <filesystem>
#include <thread>

#include "base/disk.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "loop/internal/step_tools.h"

namespace hoego::loop::internal {
namespace {

namespace fs = std::filesystem;

std::string DatasetPath(const StepParts& parts, const StepInput& input) {
  return JoinPath(CycleFolder(parts, input), "dataset");
}

// One job of the train step.
struct Planned {
  std::string algorithm;
  std::map<std::string, std::vector<std::string>> grid;
  bool champion_recipe = false;
};

// A grid of one: every job ranks on the validation part, so that the winner is never chosen by the test part.
std::map<std::string, std::vector<std::string>> Fixed(const training::Params& params) {
  std::map<std::string, std::vector<std::string>> grid;
  for (const auto& [name, value] : params) {
    grid[name] = {value};
  }
  return grid;
}

training::Params Defaults(std::string_view algorithm) {
  training::Params params;
  if (const training::Algorithm* known = training::FindAlgorithm(algorithm)) {
    const Settings settings(known->params());
    for (const Setting& s : known->params()) {
      params[std::string(s.name)] = settings.Text(s.name);
    }
  }
  return params;
}

// What answers now, as a recipe; popularity when nothing does.
Result<Planned> ChampionRecipe(const StepParts& parts, const StepInput& input) {
  Planned recipe;
  recipe.champion_recipe = true;
  recipe.algorithm = "popularity";
  training::Params params = Defaults("popularity");
  const auto champion = parts.registry.Resolve({ModelName(parts, input), std::nullopt, "champion"});
  if (champion.ok()) {
    const auto algorithm = champion->tags.find("algorithm");
    const auto tagged = champion->tags.find("params");
    if (algorithm != champion->tags.end() && training::FindAlgorithm(algorithm->second) != nullptr) {
      recipe.algorithm = algorithm->second;
      params = Defaults(recipe.algorithm);
      if (tagged != champion->tags.end()) {
        HOEGO_TRY_ASSIGN(params, ReadParams(tagged->second));
      }
    }
  }
  recipe.grid = Fixed(params);
  return recipe;
}

Result<std::vector<Planned>> PlanJobs(const StepParts& parts, const StepInput& input) {
  std::vector<Planned> jobs;
  HOEGO_TRY_ASSIGN(Planned champion, ChampionRecipe(parts, input));
  jobs.push_back(std::move(champion));
  for (const Candidate& candidate : input.file.candidates) {
    Planned job{candidate.algorithm, Fixed(Defaults(candidate.algorithm)), false};
    for (const auto& [name, values] : candidate.grid) {
      job.grid[name] = values;
    }
    if (job.algorithm != jobs[0].algorithm || job.grid != jobs[0].grid) {
      jobs.push_back(std::move(job));
    }
  }
  return jobs;
}

// Gathers the progress of jobs that run side by side.
class Board {
 public:
  Board(size_t jobs, const StepInput& input) : input_(input), shares_(jobs, 0) {}
  void Set(size_t job, double share, std::string_view what) {
    MutexLock lock(mu_);
    shares_[job] = share;
    double sum = 0;
    for (const double s : shares_) {
      sum += s;
    }
    input_.progress(sum / static_cast<double>(shares_.size()), what);
  }

 private:
  const StepInput& input_;
  Mutex mu_;
  std::vector<double> shares_ GUARDED_BY(mu_);
};

// A job's words go to its run and to the board.
class JobObserver final : public training::Observer {
 public:
  JobObserver(const StepParts& parts, std::string run, Board& board, size_t job, std::string name)
      : tracking_(parts.tracking),
        watch_(parts.watch),
        run_(std::move(run)),
        clock_(parts.clock),
        board_(board),
        job_(job),
        name_(std::move(name)) {}

  void Progress(double share, std::string_view what) override {
    board_.Set(job_, share, fmt::format("{}: {}", name_, what));
    watch_.Say(run_, {tracking::RunWord::Kind::kProgress, share, std::string(what)});
  }
  void Metric(std::string_view name, double value, int64_t step) override {
    tracking::Batch batch;
    batch.metrics.push_back({std::string(name), value, clock_.Now(), step});
    if (const Status status = tracking_.Log(run_, batch); !status.ok() && failure_.ok()) {
      failure_ = status;
    }
    watch_.Say(run_, {tracking::RunWord::Kind::kMetric, 0, std::string(name), value, step});
  }
  const Status& failure() const { return failure_; }

 private:
  tracking::Tracking& tracking_;
  tracking::RunWatch& watch_;
  const std::string run_;
  const Clock& clock_;
  Board& board_;
  const size_t job_;
  const std::string name_;
  Status failure_;
};

// The run of a job: found again after a kill by the name written beside the job.
Result<std::string> RunOf(const StepParts& parts, const StepInput& input, const std::string& folder, const std::string& name) {
  const std::string path = folder + ".run";
  if (fs::exists(path)) {
    return ReadWholeFile(RealDisk(), path);
  }
  HOEGO_TRY_ASSIGN(const tracking::Experiment experiment, parts.tracking.GetOrCreateExperiment(input.file.name));
  tracking::NewRun run;
  run.experiment_id = experiment.id;
  run.name = fmt::format("{} {}", CycleName(input), name);
  run.user = "loop";
  run.tags = {{"cycle", CycleName(input)}, {"loop", input.file.name}};
  HOEGO_TRY_ASSIGN(const tracking::Run made, parts.tracking.CreateRun(run));
  HOEGO_TRY(WriteFileAtomically(RealDisk(), path, made.id));
  return made.id;
}

training::JobSpec SpecOf(const StepParts& parts, const StepInput& input, const Planned& job, uint32_t threads,
                         const std::string& digest, int64_t now_ms) {
  training::JobSpec spec;
  spec.dataset = DatasetPath(parts, input);
  spec.dataset_digest = digest;
  spec.split = input.file.split;
  spec.algorithm = job.algorithm;
  spec.search.grid = job.grid;
  spec.search.objective = input.file.objective;
  spec.seed = input.file.split.seed;
  spec.now_ms = now_ms;
  spec.code_version = parts.code_version;
  spec.threads = threads;
  spec.memory_bytes = parts.training_memory;
  spec.nice = parts.training_nice;
  spec.timeout_ms = parts.training_timeout_ms;
  return spec;
}

Status EndRun(const StepParts& parts, const std::string& run, tracking::RunStatus status) {
  HOEGO_TRY(parts.tracking.EndRun(run, status));
  parts.watch.Say(run, {tracking::RunWord::Kind::kEnd, 1, std::string(tracking::RunStatusName(status))});
  return {};
}

Status LogResult(const StepParts& parts, const std::string& run, const training::JobResult& result, const std::string& folder) {
  tracking::Batch batch;
  for (const auto& [name, value] : result.metrics) {
    batch.metrics.push_back({name, value, parts.clock.Now(), 0});
  }
  batch.params.emplace_back("algorithm", result.algorithm);
  for (const auto& [name, value] : result.params) {
    batch.params.emplace_back(name, value);
  }
  batch.tags.emplace_back("dataset", result.dataset_digest);
  batch.tags.emplace_back("reproducible", result.reproducible ? "true" : "false");
  HOEGO_TRY(parts.tracking.Log(run, batch));
  HOEGO_TRY(parts.tracking.LogArtifactFile(run, "spec.json", JoinPath(folder, "spec.json")));
  HOEGO_TRY(parts.tracking.LogArtifactFile(run, "result.json", JoinPath(folder, "result.json")));
  return EndRun(parts, run, tracking::RunStatus::kFinished);
}

Trained Summarised(const StepInput& input, const training::JobResult& result, const std::string& folder) {
  Trained t;
  t.algorithm = result.algorithm;
  t.params = result.params;
  t.label = Label(t.algorithm, t.params);
  t.folder = folder;
  t.evaluation = JoinPath(folder, result.evaluation_file);
  t.validated = result.trials.empty() ? 0 : result.trials[result.best_trial].objective;
  t.metrics = result.metrics;
  const auto value = result.metrics.find(input.file.objective);
  t.value = value == result.metrics.end() ? 0 : value->second;
  const auto interval = result.intervals.find(input.file.objective);
  t.low = interval == result.intervals.end() ? t.value : interval->second.low;
  t.high = interval == result.intervals.end() ? t.value : interval->second.high;
  t.seconds = result.wall_seconds;
  t.cpu_seconds = result.cpu_seconds;
  return t;
}

// Runs one job to its end; a job that fails is a Trained with an error, and so is its run.
Result<Trained> Work(const StepParts& parts, const StepInput& input, const Planned& job, training::JobSpec spec, size_t index,
                     Board& board) {
  const std::string folder = JoinPath(CycleFolder(parts, input), fmt::format("{:02}-{}", index, job.algorithm));
  spec.output = folder;
  HOEGO_TRY_ASSIGN(const std::string run, RunOf(parts, input, folder, job.algorithm));
  JobObserver observer(parts, run, board, index, job.algorithm);
  const auto result = training::RunJob(parts.program, spec, observer, input.stop);
  Trained trained;
  if (result.ok()) {
    trained = Summarised(input, *result, folder);
    HOEGO_TRY(observer.failure());
    HOEGO_TRY(LogResult(parts, run, *result, folder));
  } else {
    if (result.status().code() == Code::kCancelled) {
      return result.status();
    }
    trained.label = trained.algorithm = job.algorithm;
    trained.error = result.status().ToString();
    tracking::Batch batch;
    batch.tags.emplace_back("error", trained.error);
    HOEGO_TRY(parts.tracking.Log(run, batch));
    HOEGO_TRY(EndRun(parts, run, tracking::RunStatus::kFailed));
  }
  trained.run_id = run;
  trained.champion_recipe = job.champion_recipe;
  board.Set(index, 1, fmt::format("{} done", trained.label));
  return trained;
}

}  // namespace

Result<std::string> DoOpen(const StepParts& parts, const StepInput& input) {
  static_cast<void>(input);
  JsonWriter w;
  w.BeginObject().Field("from", parts.store.log().begin().ToString()).Field("to", parts.store.log().end().ToString());
  w.Field("now", ToUnixMillis(parts.clock.Now())).EndObject();
  return w.Take();
}

Result<std::string> DoSnapshot(const StepParts& parts, const StepInput& input) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef open, ResultOf(input.cycle, Step::kOpen, parser));
  HOEGO_TRY_ASSIGN(const std::string from_text, open.RequireString("from"));
  HOEGO_TRY_ASSIGN(const std::string to_text, open.RequireString("to"));
  HOEGO_TRY_ASSIGN(const events::Cut from, events::Cut::Parse(from_text));
  HOEGO_TRY_ASSIGN(const events::Cut to, events::Cut::Parse(to_text));
  HOEGO_TRY(RealDisk().MakeFolder(CycleFolder(parts, input)));
  input.progress(0.1, "reading the log");
  HOEGO_TRY_ASSIGN(const datasets::Dataset dataset, datasets::FromLog(parts.store, from, to, input.file.learn));
  if (dataset.samples.empty()) {
    return Status::FailedPrecondition(
        fmt::format("no event of type {} in the log: nothing to learn from", fmt::join(input.file.learn.positive, ", ")));
  }
  HOEGO_TRY(datasets::SaveDataset(dataset, DatasetPath(parts, input)));
  HOEGO_TRY_ASSIGN(const std::string blob, parts.blobs.PutFile(DatasetPath(parts, input)));
  JsonWriter w;
  w.BeginObject().Field("digest", dataset.digest).Field("blob", blob);
  w.Field("samples", static_cast<uint64_t>(dataset.samples.size()));
  w.Field("units", static_cast<uint64_t>(dataset.unit_keys.size())).Field("items", static_cast<uint64_t>(dataset.items.size()));
  w.Field("from", from_text).Field("to", to_text).EndObject();
  return w.Take();
}

Result<std::string> DoTrain(const StepParts& parts, const StepInput& input) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef snapshot, ResultOf(input.cycle, Step::kSnapshot, parser));
  HOEGO_TRY_ASSIGN(const std::string digest, snapshot.RequireString("digest"));
  HOEGO_TRY_ASSIGN(const std::string blob, snapshot.RequireString("blob"));
  HOEGO_TRY_ASSIGN(const JsonRef open, ResultOf(input.cycle, Step::kOpen, parser));
  HOEGO_TRY_ASSIGN(const int64_t now_ms, open.RequireInt("now"));
  if (!fs::exists(DatasetPath(parts, input))) {
    HOEGO_TRY(RealDisk().MakeFolder(CycleFolder(parts, input)));
    HOEGO_TRY(parts.blobs.GetToFile(blob, DatasetPath(parts, input)));
  }
  HOEGO_TRY_ASSIGN(const std::vector<Planned> jobs, PlanJobs(parts, input));
  const size_t side_by_side = std::min(jobs.size(), UsableCores());
  const uint32_t threads = parts.training_threads > 0
                               ? parts.training_threads
                               : static_cast<uint32_t>(std::max<size_t>(1, UsableCores() / side_by_side));
  Board board(jobs.size(), input);
  std::vector<std::optional<Result<Trained>>> done(jobs.size());
  {
    ThreadPool pool(side_by_side);
    for (size_t i = 0; i < jobs.size(); ++i) {
      pool.Submit([&, i] {
        done[i] = Work(parts, input, jobs[i], SpecOf(parts, input, jobs[i], threads, digest, now_ms), i, board);
      });
    }
  }
  std::vector<Trained> all;
  std::optional<size_t> winner;
  for (auto& one : done) {
    HOEGO_TRY_ASSIGN(Trained trained, std::move(*one));
    if (trained.error.empty() && (!winner || trained.validated > all[*winner].validated)) {
      winner = all.size();
    }
    all.push_back(std::move(trained));
  }
  if (!winner || !all[0].error.empty()) {
    return Status::Internal(fmt::format("{}: {}", winner ? "the champion's recipe failed" : "every candidate failed", all[0].error));
  }
  all[*winner].winner = true;
  JsonWriter w;
  w.BeginObject().Key("candidates").BeginArray();
  for (const Trained& t : all) {
    WriteTrained(w, t);
  }
  return w.EndArray().EndObject().Take();
}

}  // namespace hoego::loop::internal
