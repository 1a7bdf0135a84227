// hoego train, evaluate, recommend --all, and the lists.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <set>

#include "abtest/tests.h"
#include "app/blob_fetcher.h"
#include "app/commands.h"
#include "app/instance.h"
#include "app/killed_trainings.h"
#include "app/open_folder.h"
#include "app/progress_line.h"
#include "app/version.h"
#include "base/disk.h"
#include "base/text.h"
#include "datasets/dataset.h"
#include "kernels/topk.h"
#include "models/model.h"
#include "registry/names.h"
#include "registry/package.h"
#include "serving/endpoints.h"
#include "serving/learn_rule.h"
#include "tracking/tracking.h"
#include "training/evaluate.h"
#include "training/job.h"

namespace hoego::app {
namespace {

class LineObserver final : public training::Observer {
 public:
  LineObserver(ProgressLine& line, tracking::Tracking& tracking, std::string run)
      : line_(line), tracking_(tracking), run_(std::move(run)) {}
  void Progress(double share, std::string_view what) override { line_.Step("train", share, what); }
  void Metric(std::string_view name, double value, int64_t step) override {
    tracking::Batch batch;
    batch.metrics.push_back({std::string(name), value, SystemClock::Instance().Now(), step});
    if (const Status status = tracking_.Log(run_, batch); !status.ok() && failure_.ok()) {
      failure_ = status;
    }
  }
  const Status& failure() const { return failure_; }

 private:
  ProgressLine& line_;
  tracking::Tracking& tracking_;
  const std::string run_;
  Status failure_;
};

// Everything of a job that the command line says; nothing of the folder is needed to refuse it.
// "l2=100,500" → a grid; a single value too, so that the validation part is ranked either way.
Result<training::JobSpec> SpecFrom(const TrainArgs& args) {
  HOEGO_TRY(CheckAlgorithm(args.algorithm));
  training::JobSpec spec;
  spec.algorithm = args.algorithm;
  spec.search.objective = args.objective;
  spec.seed = args.seed;
  spec.code_version = kVersion;
  for (const std::string& param : args.params) {
    const size_t equals = param.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status::InvalidArgument(fmt::format("--param \"{}\": expected name=value or name=v1,v2", param));
    }
    const std::string name = param.substr(0, equals);
    for (const auto value : Split(std::string_view(param).substr(equals + 1), ',')) {
      spec.search.grid[name].emplace_back(value);
      HOEGO_TRY(training::ParamsFor(*training::FindAlgorithm(args.algorithm), training::Params{{name, std::string(value)}})
                    .status()
                    .Within(fmt::format("--param \"{}\"", param)));
    }
  }
  // Without a search the job does not look at it, and the mistake would show up only once there is one.
  HOEGO_TRY(training::ParseMetricName(args.objective).status().Within("--objective"));
  if (!args.name.empty()) {
    HOEGO_TRY(registry::CheckModelName(args.name).Within("--name"));
  }
  return spec;
}

// The folder of one training, removed when that is over. What a kill leaves is for EndKilledTrainings.
class WorkFolder {
 public:
  explicit WorkFolder(std::string path) : path_(std::move(path)) {}
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;
  ~WorkFolder() {
    if (!kept_) {
      std::error_code ignored;
      std::filesystem::remove_all(path_, ignored);
    }
  }
  void Keep() { kept_ = true; }
  const std::string& path() const { return path_; }

 private:
  const std::string path_;
  bool kept_ = false;
};

// Trains under `run` and logs to it what came out; the run goes on.
Result<training::JobResult> TrainInto(const Common& common, const training::JobSpec& spec, tracking::Tracking& tracking,
                                      const std::string& run) {
  ProgressLine line;
  LineObserver observer(line, tracking, run);
  auto result = training::RunJob(common.program, spec, observer, {});
  line.Done();
  if (!result.ok()) {
    return result;
  }
  HOEGO_TRY(observer.failure());
  tracking::Batch batch;
  for (const auto& [name, value] : result->metrics) {
    batch.metrics.push_back({name, value, SystemClock::Instance().Now(), 0});
  }
  batch.params.emplace_back("algorithm", result->algorithm);
  batch.params.insert(batch.params.end(), result->params.begin(), result->params.end());
  HOEGO_TRY(tracking.Log(run, batch));
  return result;
}

// What a training learnt from and became, as the next version of a model.
Result<registry::ModelVersion> Register(Instance& instance, const std::string& model, const std::string& run,
                                        const training::JobSpec& spec, const datasets::Dataset& dataset,
                                        const datasets::LearnFrom& learn, const training::JobResult& result) {
  registry::ModelVersion version;
  version.model = model;
  HOEGO_TRY_ASSIGN(version.source, registry::PackageFolder(instance.blobs(), JoinPath(spec.output, result.model_folder)));
  version.run_id = run;
  version.dataset_digest = dataset.digest;
  version.from_cut = dataset.from_cut;
  version.to_cut = dataset.to_cut;
  JsonWriter params;
  params.BeginObject();
  for (const auto& [name, value] : result.params) {
    params.Field(name, value);
  }
  JsonWriter rule;
  rule.BeginObject().Key("positive").BeginArray();
  for (const auto& type : learn.positive) {
    rule.String(type);
  }
  version.tags = {{"algorithm", result.algorithm}, {"params", params.EndObject().Take()},
                  {"learn", rule.EndArray().EndObject().Take()}};
  version.metrics = result.metrics;
  return instance.registry().CreateVersion(version);
}

Result<std::string> Train(const Common& common, const TrainArgs& args, training::JobSpec spec, Instance& instance) {
  datasets::LearnFrom learn;
  learn.positive = args.positive;
  const events::Cut from = instance.store().log().begin();
  const events::Cut to = instance.store().log().end();
  HOEGO_TRY_ASSIGN(const datasets::Dataset dataset, datasets::FromLog(instance.store(), from, to, learn));
  // Before the training: a name that belongs to something else is refused while that costs nothing.
  if (!args.name.empty() && !instance.registry().GetModel(args.name).ok()) {
    HOEGO_TRY(instance.registry().CreateModel(args.name, "made on the command line").status());
  }
  // The folder before the run: a run that was cut short always has a folder that tells of it.
  const std::string work_name = NewWorkName();
  WorkFolder work(JoinPath(JoinPath(common.data, "work"), work_name));
  HOEGO_TRY(RealDisk().MakeFolder(work.path()));
  spec.dataset = JoinPath(work.path(), "dataset");
  spec.dataset_digest = dataset.digest;
  spec.output = JoinPath(work.path(), "job");
  HOEGO_TRY(datasets::SaveDataset(dataset, spec.dataset));
  tracking::NewRun new_run;
  new_run.name = "train " + args.algorithm;
  new_run.user = "command line";
  new_run.tags = {{std::string(kWorkTag), work_name}};
  HOEGO_TRY_ASSIGN(const tracking::Run run, instance.tracking().CreateRun(new_run));
  const auto result = TrainInto(common, spec, instance.tracking(), run.id);
  const auto end = result.ok() ? tracking::RunStatus::kFinished : tracking::RunStatus::kFailed;
  if (const Status ended = instance.tracking().EndRun(run.id, end); !ended.ok()) {
    work.Keep();  // by it the next opening finds the run that could not be ended
    return result.ok() ? ended : result.status();
  }
  if (!result.ok()) {
    return result.status();
  }
  JsonWriter w;
  w.BeginObject().Field("run", run.id).Key("metrics").BeginObject();
  for (const auto& [name, value] : result->metrics) {
    w.Field(name, value);
  }
  w.EndObject();
  if (!args.name.empty()) {
    HOEGO_TRY_ASSIGN(const registry::ModelVersion kept, Register(instance, args.name, run.id, spec, dataset, learn, *result));
    w.Field("model", kept.model).Field("version", kept.version);
  }
  return w.EndObject().Take();
}

struct LoadedModel {
  registry::ModelVersion version;
  std::shared_ptr<const models::Model> model;
  serving::LearnRule rule;
};

Result<LoadedModel> Load(const Common& common, Instance& instance, const std::string& text) {
  HOEGO_TRY_ASSIGN(const registry::ModelRef ref, registry::ModelRef::Parse(text));
  LoadedModel loaded;
  HOEGO_TRY_ASSIGN(loaded.version, instance.registry().Resolve(ref));
  HOEGO_TRY(RealDisk().MakeFolder(JoinPath(common.data, "models")));
  BlobFetcher fetcher(instance.blobs(), JoinPath(common.data, "models"));
  HOEGO_TRY_ASSIGN(const std::string folder, fetcher.Fetch(loaded.version));
  HOEGO_TRY_ASSIGN(loaded.model, models::LoadModel(folder));
  const auto learn = loaded.version.tags.find("learn");
  HOEGO_TRY_ASSIGN(loaded.rule, serving::LearnRule::Parse(learn == loaded.version.tags.end() ? "" : learn->second));
  return loaded;
}

// units x the model's items, from (unit, model item, weight).
kernels::Csr Matrix(std::map<std::pair<uint32_t, uint32_t>, float> cells, uint32_t rows, uint32_t columns) {
  kernels::Csr csr;
  csr.rows = rows;
  csr.columns = columns;
  csr.begin.assign(rows + 1, 0);
  for (const auto& [cell, weight] : cells) {
    ++csr.begin[cell.first + 1];
    csr.cols.push_back(cell.second);
    csr.values.push_back(weight);
  }
  for (uint32_t r = 0; r < rows; ++r) {
    csr.begin[r + 1] += csr.begin[r];
  }
  return csr;
}

// Only what came after the version's own data counts: the rest it has seen.
Result<std::string> EvaluateModel(const Common& common, Instance& instance, const std::string& text) {
  HOEGO_TRY_ASSIGN(const LoadedModel loaded, Load(common, instance, text));
  datasets::LearnFrom learn{loaded.rule.positive, loaded.rule.negative, loaded.rule.weight, loaded.rule.min_value};
  if (learn.positive.empty()) {
    learn.positive = {"watch"};
  }
  HOEGO_TRY_ASSIGN(const events::Cut cut, events::Cut::Parse(loaded.version.to_cut));
  auto& store = instance.store();
  HOEGO_TRY_ASSIGN(const datasets::Dataset all, datasets::FromLog(store, store.log().begin(), store.log().end(), learn));
  HOEGO_TRY_ASSIGN(const datasets::Dataset old, datasets::FromLog(store, store.log().begin(), cut, learn));
  std::map<std::string, uint32_t> index;
  const auto& items = loaded.model->manifest().items;
  for (uint32_t i = 0; i < items.size(); ++i) {
    index[items[i]] = i;
  }
  std::multiset<std::tuple<uint32_t, uint32_t, int64_t>> known;
  for (const datasets::Sample& s : old.samples) {
    known.emplace(s.unit, s.item, s.time_ms);
  }
  std::map<std::pair<uint32_t, uint32_t>, float> history;
  std::map<std::pair<uint32_t, uint32_t>, float> later;
  for (const datasets::Sample& s : all.samples) {
    const auto at = index.find(all.items[s.item]);
    if (at == index.end()) {
      continue;
    }
    const auto seen = known.find({s.unit, s.item, s.time_ms});
    if (seen != known.end()) {
      known.erase(seen);
      history[{s.unit, at->second}] += s.weight;
    } else if (s.weight > 0) {
      later[{s.unit, at->second}] += s.weight;
    }
  }
  for (const auto& [cell, weight] : history) {
    later.erase(cell);
  }
  if (later.empty()) {
    return Status::FailedPrecondition(fmt::format("{}/{}: no event has come since its data were cut ({}): nothing it has not seen",
                                                  loaded.version.model, loaded.version.version, loaded.version.to_cut));
  }
  const auto rows = static_cast<uint32_t>(all.unit_keys.size());
  const kernels::Csr train = Matrix(std::move(history), rows, loaded.model->items());
  const kernels::Csr relevant = Matrix(std::move(later), rows, loaded.model->items());
  ThreadPool pool(0);
  HOEGO_TRY_ASSIGN(const training::Evaluation e, training::Evaluate({*loaded.model, train, relevant, {10, 20}}, pool, {}));
  JsonWriter w;
  w.BeginObject().Field("model", loaded.version.model).Field("version", loaded.version.version);
  w.Field("units", static_cast<uint64_t>(e.units.size())).Key("metrics").BeginObject();
  for (const auto& [name, value] : e.overall) {
    w.Field(name, value);
  }
  return w.EndObject().EndObject().Take();
}

Status RecommendAll(const Common& common, Instance& instance, const RecommendArgs& args) {
  HOEGO_TRY_ASSIGN(const LoadedModel loaded, Load(common, instance, args.model));
  auto& store = instance.store();
  std::vector<events::ItemKey> keys;
  for (const std::string& item : loaded.model->manifest().items) {
    keys.push_back(store.FindItem(item).value_or(events::kNoItem));
  }
  const serving::ItemMap map(std::move(keys), store.item_count());
  const serving::LearnWeights weights(loaded.rule, store);
  const auto view = store.catalogue().view();
  const Time now = SystemClock::Instance().Now();
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> out(std::fopen(args.output.c_str(), "w"), std::fclose);
  if (!out) {
    return Status::NotFound(fmt::format("{} cannot be written", args.output));
  }
  ProgressLine line;
  std::vector<float> scores(loaded.model->items());
  std::vector<models::Interaction> history;
  for (uint32_t u = 0; u < store.unit_count(); ++u) {
    const auto unit = store.UnitId(events::UnitKey(u));
    if (!unit) {
      continue;  // forgotten
    }
    const auto events = store.history().Get(events::UnitKey(u));
    std::set<uint32_t> seen;
    history.clear();
    if (events) {
      weights.FoldIn(*events, map, history);
      for (const auto& e : *events) {
        seen.insert(map.index(e.item));
      }
    }
    loaded.model->Score(history, scores);
    const auto best = kernels::TopK(scores, static_cast<size_t>(args.n), [&](uint32_t i) {
      return !seen.contains(i) && (map.key(i) == events::kNoItem || view->Visible(map.key(i), now));
    });
    JsonWriter w;
    w.BeginObject().Field("unit", *unit).Key("items").BeginArray();
    for (const auto& b : best) {
      w.BeginObject().Field("item", loaded.model->manifest().items[b.index]).Key("score").Float(b.score).EndObject();
    }
    const std::string text = w.EndArray().EndObject().Take() + "\n";
    if (std::fwrite(text.data(), 1, text.size(), out.get()) != text.size()) {
      return Status::DataLoss(fmt::format("{} cannot be written (is the disk full?)", args.output));
    }
    line.Count("recommend", u + 1, store.unit_count(), "units");
  }
  line.Done();
  return std::fflush(out.get()) == 0 ? Status{} : Status::DataLoss(fmt::format("{} cannot be written", args.output));
}

Result<std::string> ListOf(Instance& instance, const std::string& what) {
  JsonWriter w;
  w.BeginObject().Key(what).BeginArray();
  if (what == "runs") {
    HOEGO_TRY_ASSIGN(const auto runs, instance.tracking().ListRuns("", 1000, 0));
    for (const auto& run : runs) {
      w.BeginObject().Field("id", run.id).Field("name", run.name).Field("status", tracking::RunStatusName(run.status));
      w.Field("start", FormatTime(run.start)).EndObject();
    }
  } else if (what == "models") {
    for (const auto& m : instance.registry().ListModels()) {
      for (const auto& v : instance.registry().ListVersions(m.name)) {
        std::string aliases;
        for (const auto& [alias, version] : m.aliases) {
          aliases += version == v.version ? "@" + alias + " " : "";
        }
        w.BeginObject().Field("id", fmt::format("{}/{}", v.model, v.version)).Field("aliases", Trim(aliases));
        w.Field("description", v.description).Field("created", FormatTime(v.created)).EndObject();
      }
    }
  } else if (what == "endpoints") {
    for (const auto& e : instance.endpoints().List()) {
      w.BeginObject().Field("id", e->name).Field("model", e->definition.model).Field("route_revision", e->revision).EndObject();
    }
  } else {
    for (const auto& t : instance.tests().List()) {
      w.BeginObject().Field("id", t.plan.name).Field("endpoint", t.plan.endpoint).Field("state", abtest::StateName(t.state));
      w.Field("reason", t.reason).EndObject();
    }
  }
  return w.EndArray().EndObject().Take();
}

// One line a row: its fields with two blanks between.
void PrintTable(const std::string& json) {
  JsonParser parser;
  const auto root = parser.Parse(json);
  HOEGO_CHECK(root.ok());
  const Status printed = root->ForEachField([](std::string_view, JsonRef rows) {
    return rows.ForEachElement([](JsonRef row) -> Status {
      std::string line;
      HOEGO_TRY(row.ForEachField([&](std::string_view, JsonRef cell) -> Status {
        line += fmt::format("{}{}", line.empty() ? "" : "  ", cell.AsString() ? std::string(*cell.AsString()) : cell.ToText());
        return {};
      }));
      std::printf("%s\n", line.c_str());
      return {};
    });
  });
  HOEGO_CHECK(printed.ok());
}

int Answer(const Common& common, const Result<std::string>& json) {
  if (!json.ok()) {
    return Fail(common, json.status());
  }
  std::printf("%s\n", json->c_str());
  return kDone;
}

}  // namespace

Status CheckAlgorithm(std::string_view name) {
  if (training::FindAlgorithm(name) != nullptr) {
    return {};
  }
  const auto near = NearestName(name, training::AlgorithmNames());
  return Status::InvalidArgument(fmt::format("unknown algorithm \"{}\"{}; known: {}", name,
                                             near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                             fmt::join(training::AlgorithmNames(), ", ")));
}

int RunTrain(const Common& common, const TrainArgs& args) {
  auto spec = SpecFrom(args);
  if (!spec.ok()) {
    return WrongUse(common, spec.status());
  }
  auto instance = OpenForCommand(common, false, NoLog::kRefuse);
  return instance.ok() ? Answer(common, Train(common, args, std::move(*spec), **instance)) : Fail(common, instance.status());
}

int RunEvaluate(const Common& common, const std::string& model) {
  auto instance = OpenForCommand(common, false, NoLog::kRefuse);
  return instance.ok() ? Answer(common, EvaluateModel(common, **instance, model)) : Fail(common, instance.status());
}

int RunRecommendAll(const Common& common, const RecommendArgs& args) {
  auto instance = OpenForCommand(common, false, NoLog::kRefuse);
  const Status status = instance.ok() ? RecommendAll(common, **instance, args) : instance.status();
  return status.ok() ? kDone : Fail(common, status);
}

int RunList(const Common& common, const std::string& what) {
  auto instance = OpenForCommand(common, what == "endpoints" || what == "tests", NoLog::kRefuse);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  const auto json = ListOf(**instance, what);
  if (!json.ok() || common.json) {
    return Answer(common, json);
  }
  PrintTable(*json);
  return kDone;
}

}  // namespace hoego::app
