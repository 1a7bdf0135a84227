#include <sys/resource.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <memory>
#include <new>
#include <utility>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "training/evaluation_file.h"
#include "training/internal/file_digests.h"
#include "training/internal/job_names.h"
#include "training/job.h"

namespace hoego::training {
namespace {

using datasets::Part;

// Writes one line at a time and flushes it. A parent that is gone ends us by SIGPIPE, so errors
// need no handling.
class Lines {
 public:
  explicit Lines(std::FILE* out) : out_(out) {}

  void Say(JsonWriter& w) {
    const std::string line = w.Take() + "\n";
    static_cast<void>(std::fwrite(line.data(), 1, line.size(), out_));
    static_cast<void>(std::fflush(out_));
  }
  void Error(const Status& status) {
    JsonWriter w;
    w.BeginObject()
        .Field("type", "error")
        .Field("code", CodeName(status.code()))
        .Field("message", status.message());
    Say(w.EndObject());
  }

 private:
  std::FILE* out_;
};

// A stage's progress as a stretch of the job's, told when it moved by a thousandth or does
// something else.
class StageObserver final : public Observer {
 public:
  StageObserver(Lines& lines, double begin, double end) : lines_(lines), begin_(begin), end_(end) {}

  void Progress(double share, std::string_view what) override {
    const double whole =
        begin_ + (end_ - begin_) * std::clamp(std::isnan(share) ? 0.0 : share, 0.0, 1.0);
    if (what == told_what_ && whole - told_ < 0.001) {
      return;
    }
    told_ = whole;
    told_what_ = what;
    JsonWriter w;
    lines_.Say(w.BeginObject()
                   .Field("type", "progress")
                   .Field("share", whole)
                   .Field("what", what)
                   .EndObject());
  }
  void Metric(std::string_view name, double value, int64_t step) override {
    JsonWriter w;
    w.BeginObject()
        .Field("type", "metric")
        .Field("name", name)
        .Field("value", value)
        .Field("step", step);
    lines_.Say(w.EndObject());
  }

 private:
  Lines& lines_;
  const double begin_;
  const double end_;
  double told_ = -1;
  std::string told_what_;
};

double Now() {
  return std::chrono::duration<double>(SystemClock::Instance().Monotonic()).count();
}

// The job under way. Its steps are called in the order of Run.
class Job {
 public:
  Job(JobSpec spec, Lines& lines)
      : spec_(std::move(spec)), lines_(lines), pool_(spec_.threads) {}

  Result<JobResult> Run() {
    HOEGO_TRY(Load());
    HOEGO_TRY(ChooseParams());
    HOEGO_TRY(Fit());
    HOEGO_TRY(EvaluateModel());
    HOEGO_TRY(SaveModel());
    AddCosts();
    return std::move(result_);
  }

 private:
  Status Load() {
    started_ = Now();
    StageObserver(lines_, 0, 0.02).Progress(0, "load dataset");
    algorithm_ = FindAlgorithm(spec_.algorithm);
    if (algorithm_ == nullptr) {
      const auto nearest = NearestName(spec_.algorithm, AlgorithmNames());
      return Status::NotFound(fmt::format("no algorithm \"{}\"; {}known: {}", spec_.algorithm,
                                          nearest ? fmt::format("did you mean {}? ", *nearest) : "",
                                          fmt::join(AlgorithmNames(), ", ")));
    }
    HOEGO_TRY(ParamsFor(*algorithm_, spec_.params).status());
    HOEGO_TRY_ASSIGN(dataset_, datasets::LoadDataset(spec_.dataset));
    if (!spec_.dataset_digest.empty() && spec_.dataset_digest != dataset_.digest) {
      return Status::FailedPrecondition(fmt::format("dataset {} has digest {}, expected {}",
                                                    spec_.dataset, dataset_.digest,
                                                    spec_.dataset_digest));
    }
    HOEGO_TRY_ASSIGN(split_, datasets::MakeSplit(dataset_, spec_.split));
    HOEGO_TRY(datasets::CheckLeaks(dataset_, split_));
    result_.job_digest = JobDigest(spec_);
    result_.algorithm = spec_.algorithm;
    result_.dataset_digest = dataset_.digest;
    result_.units = dataset_.unit_keys.size();
    result_.items = dataset_.items.size();
    for (const Part part : split_.parts) {
      ++result_.samples[std::string(internal::PartName(part))];
    }
    return {};
  }

  FitInput InputOf(const datasets::TimedCsr& data) const {
    const auto newest = std::max_element(data.times_ms.begin(), data.times_ms.end());
    const int64_t now = spec_.now_ms != 0               ? spec_.now_ms
                        : newest == data.times_ms.end() ? 0
                                                        : *newest;
    return {.train = data.matrix,
            .items = dataset_.items,
            .times_ms = &data.times_ms,
            .now_ms = now,
            .seed = spec_.seed,
            .dataset_digest = dataset_.digest,
            .code_version = spec_.code_version};
  }

  // Refuses what cannot fit into the memory there is, before it dies of it.
  Status CheckPlan(const FitInput& input, const Settings& params) {
    result_.plan = algorithm_->MakePlan(input, params);
    if (spec_.memory_bytes > 0 && result_.plan.bytes > spec_.memory_bytes) {
      return Status::ResourceExhausted(fmt::format(
          "{} would need {} beyond its input, the limit of this job is {}", spec_.algorithm,
          HumanBytes(result_.plan.bytes), HumanBytes(spec_.memory_bytes)));
    }
    return {};
  }

  Status ChooseParams() {
    params_ = spec_.params;
    if (spec_.search.grid.empty()) {
      return {};
    }
    const double start = Now();
    const datasets::TimedCsr train = datasets::ToTimedCsr(dataset_, split_, {Part::kTrain});
    const kernels::Csr validate = datasets::ToCsr(dataset_, split_, {Part::kValidate});
    const FitInput input = InputOf(train);
    HOEGO_TRY_ASSIGN(const Settings fixed, ParamsFor(*algorithm_, spec_.params));
    HOEGO_TRY(CheckPlan(input, fixed));
    SearchSpec search = spec_.search;
    search.seed = spec_.seed;
    StageObserver observer(lines_, 0.02, 0.75);
    HOEGO_TRY_ASSIGN(SearchResult found, Search(*algorithm_, input, validate, spec_.params, search,
                                                pool_, observer, std::stop_token()));
    result_.best_trial = found.best;
    result_.reproducible = !found.out_of_time;
    params_.insert(found.trials[found.best].params.begin(), found.trials[found.best].params.end());
    result_.trials = std::move(found.trials);
    result_.search_seconds = Now() - start;
    return {};
  }

  Status Fit() {
    const double start = Now();
    fitted_ = datasets::ToTimedCsr(dataset_, split_, spec_.fit);
    if (fitted_.matrix.nonzeros() == 0) {
      return Status::FailedPrecondition("the parts to fit hold no sample");
    }
    const FitInput input = InputOf(fitted_);
    HOEGO_TRY_ASSIGN(const Settings settings, ParamsFor(*algorithm_, params_));
    for (const Setting& setting : settings.table()) {
      result_.params[std::string(setting.name)] = settings.Text(setting.name);
    }
    HOEGO_TRY(CheckPlan(input, settings));
    StageObserver observer(lines_, spec_.search.grid.empty() ? 0.02 : 0.75, 0.9);
    observer.Progress(0, "fit " + spec_.algorithm);
    HOEGO_TRY_ASSIGN(model_, algorithm_->Fit(input, settings, pool_, observer, std::stop_token()));
    result_.fit_seconds = Now() - start;
    return {};
  }

  Status EvaluateModel() {
    if (!spec_.evaluate) {
      return {};
    }
    const double start = Now();
    StageObserver observer(lines_, 0.9, 1);
    observer.Progress(0, "evaluate");
    const kernels::Csr relevant = datasets::ToCsr(dataset_, split_, {*spec_.evaluate});
    StoredEvaluation stored;
    HOEGO_TRY_ASSIGN(stored.evaluation, Evaluate({*model_, fitted_.matrix, relevant, spec_.cutoffs},
                                                 pool_, std::stop_token()));
    stored.of = EvaluatedOn();
    result_.metrics = stored.evaluation.overall;
    for (const auto& [name, values] : stored.evaluation.per_unit) {
      result_.intervals[name] =
          BootstrapMean(values, spec_.confidence, spec_.bootstrap, spec_.seed);
    }
    for (const auto& [name, value] : result_.metrics) {
      observer.Metric(name, value, 0);
    }
    result_.evaluation_file = "evaluation.bin";
    result_.evaluate_seconds = Now() - start;
    return SaveEvaluation(stored, JoinPath(spec_.output, result_.evaluation_file));
  }

  std::string EvaluatedOn() const {
    JsonWriter w;
    internal::WriteSplit(spec_.split, w);
    std::vector<std::string_view> fit;
    for (const Part part : spec_.fit) {
      fit.push_back(internal::PartName(part));
    }
    return fmt::format("{} {} fit={} evaluate={}", dataset_.digest, w.Take(), fmt::join(fit, "+"),
                       internal::PartName(*spec_.evaluate));
  }

  Status SaveModel() {
    const std::string folder = JoinPath(spec_.output, result_.model_folder);
    std::error_code error;
    std::filesystem::remove_all(folder, error);  // of an earlier try that was killed
    if (error) {
      return Status::Internal(fmt::format("remove {}: {}", folder, error.message()));
    }
    HOEGO_TRY(model_->Save(folder));
    HOEGO_TRY_ASSIGN(result_.model_files, internal::FileDigests(folder));
    return {};
  }

  void AddCosts() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    result_.threads = spec_.threads;
    result_.wall_seconds = Now() - started_;
    result_.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    result_.max_rss_bytes = static_cast<uint64_t>(usage.ru_maxrss) * 1024;
  }

  const JobSpec spec_;
  Lines& lines_;
  ThreadPool pool_;
  double started_ = 0;
  const Algorithm* algorithm_ = nullptr;
  datasets::Dataset dataset_;
  datasets::Split split_;
  Params params_;
  datasets::TimedCsr fitted_;
  std::shared_ptr<const models::Model> model_;
  JobResult result_;
};

Status RunAndStore(JobSpec spec, Lines& lines) {
  const std::string path = JoinPath(spec.output, "result.json");
  Job job(std::move(spec), lines);
  HOEGO_TRY_ASSIGN(const JobResult result, job.Run());
  const std::string text = ToJson(result);
  HOEGO_TRY(WriteFileAtomically(RealDisk(), path, text));
  JsonWriter w;
  lines.Say(
      w.BeginObject().Field("type", "result").Field("sha256", ToHex(Sha256(text))).EndObject());
  return {};
}

}  // namespace

int RunJobChild(std::string_view spec_json, std::FILE* out) {
  Lines lines(out);
  auto spec = ParseJobSpec(spec_json);
  if (!spec.ok()) {
    lines.Error(spec.status());
    return 2;
  }
  // A thread's top is a border where exceptions end; running out of memory is the one that a limit
  // makes likely.
  try {
    const Status status = RunAndStore(std::move(spec).value(), lines);
    if (!status.ok()) {
      lines.Error(status);
      return 1;
    }
  } catch (const std::bad_alloc&) {
    lines.Error(Status::ResourceExhausted("out of memory"));
    return 1;
  }
  return 0;
}

int TrainChildMain(const std::string& spec_path) {
  const auto spec = ReadWholeFile(RealDisk(), spec_path);
  if (!spec.ok()) {
    Lines(stdout).Error(spec.status().Within("train-child"));
    return 2;
  }
  return RunJobChild(*spec, stdout);
}

}  // namespace hoego::training
