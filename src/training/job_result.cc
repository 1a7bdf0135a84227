#include <cmath>
#include <utility>

#include "base/disk.h"
#include "base/json.h"
#include "training/job.h"

namespace hoego::training {
namespace {

template <class Map, class Write>
void WriteMap(JsonWriter& w, std::string_view name, const Map& map, const Write& write) {
  w.Key(name).BeginObject();
  for (const auto& [key, value] : map) {
    w.Key(key);
    write(value);
  }
  w.EndObject();
}

void WriteTrial(const Trial& trial, JsonWriter& w) {
  w.BeginObject().Field("place", trial.place);
  WriteMap(w, "params", trial.params, [&](const std::string& v) { w.String(v); });
  w.Field("objective", trial.objective);
  WriteMap(w, "metrics", trial.metrics, [&](double v) { w.Double(v); });
  w.Field("seconds", trial.seconds).Field("error", trial.error).EndObject();
}

template <class Take>
Status ForEachIn(JsonRef object, std::string_view name, const Take& take) {
  const auto map = object.Find(name);
  if (!map || !map->is_object()) {
    return Status::InvalidArgument(fmt::format("job result: expected an object \"{}\"", name));
  }
  return map->ForEachField(
      [&](std::string_view key, JsonRef value) { return take(std::string(key), value); });
}

Status ReadTexts(JsonRef object, std::string_view name, std::map<std::string, std::string>& out) {
  return ForEachIn(object, name, [&](const std::string& key, JsonRef value) {
    out[key] = value.AsString().value_or("");
    return Status();
  });
}

Status ReadNumbers(JsonRef object, std::string_view name, std::map<std::string, double>& out) {
  return ForEachIn(object, name, [&](const std::string& key, JsonRef value) {
    out[key] = value.AsDouble().value_or(std::nan(""));
    return Status();
  });
}

Status ReadIntervals(JsonRef object, std::map<std::string, Interval>& out) {
  return ForEachIn(object, "intervals", [&](const std::string& key, JsonRef value) -> Status {
    HOEGO_TRY_ASSIGN(out[key].low, value.RequireDouble("low"));
    HOEGO_TRY_ASSIGN(out[key].high, value.RequireDouble("high"));
    return {};
  });
}

template <class T>
Status ReadCount(JsonRef object, std::string_view name, T& out) {
  HOEGO_TRY_ASSIGN(const int64_t value, object.RequireInt(name));
  if (value < 0) {
    return Status::InvalidArgument(fmt::format("job result: \"{}\" is negative", name));
  }
  out = static_cast<T>(value);
  return {};
}

Result<Trial> ReadTrial(JsonRef o) {
  Trial trial;
  HOEGO_TRY(ReadCount(o, "place", trial.place));
  HOEGO_TRY(ReadTexts(o, "params", trial.params));
  HOEGO_TRY_ASSIGN(trial.objective, o.RequireDouble("objective"));
  HOEGO_TRY(ReadNumbers(o, "metrics", trial.metrics));
  HOEGO_TRY_ASSIGN(trial.seconds, o.RequireDouble("seconds"));
  HOEGO_TRY_ASSIGN(trial.error, o.StringOr("error", ""));
  return trial;
}

Status ReadTrials(JsonRef o, std::vector<Trial>& trials) {
  const auto list = o.Find("trials");
  if (!list || !list->is_array()) {
    return Status::InvalidArgument("job result: expected an array \"trials\"");
  }
  return list->ForEachElement([&](JsonRef value) -> Status {
    HOEGO_TRY_ASSIGN(Trial trial, ReadTrial(value));
    trials.push_back(std::move(trial));
    return {};
  });
}

Status ReadCosts(JsonRef o, JobResult& r) {
  HOEGO_TRY_ASSIGN(r.plan.flops, o.RequireDouble("plan_flops"));
  HOEGO_TRY(ReadCount(o, "plan_bytes", r.plan.bytes));
  HOEGO_TRY(ReadCount(o, "threads", r.threads));
  HOEGO_TRY_ASSIGN(r.search_seconds, o.RequireDouble("search_seconds"));
  HOEGO_TRY_ASSIGN(r.fit_seconds, o.RequireDouble("fit_seconds"));
  HOEGO_TRY_ASSIGN(r.evaluate_seconds, o.RequireDouble("evaluate_seconds"));
  HOEGO_TRY_ASSIGN(r.wall_seconds, o.RequireDouble("wall_seconds"));
  HOEGO_TRY_ASSIGN(r.cpu_seconds, o.RequireDouble("cpu_seconds"));
  return ReadCount(o, "max_rss_bytes", r.max_rss_bytes);
}

}  // namespace

std::string ToJson(const JobResult& r) {
  JsonWriter w;
  w.BeginObject().Field("job_digest", r.job_digest).Field("algorithm", r.algorithm);
  w.Field("dataset_digest", r.dataset_digest).Field("units", r.units).Field("items", r.items);
  WriteMap(w, "samples", r.samples, [&](uint64_t v) { w.Uint(v); });
  WriteMap(w, "params", r.params, [&](const std::string& v) { w.String(v); });
  w.Key("trials").BeginArray();
  for (const Trial& trial : r.trials) {
    WriteTrial(trial, w);
  }
  w.EndArray().Field("best_trial", uint64_t{r.best_trial});
  WriteMap(w, "metrics", r.metrics, [&](double v) { w.Double(v); });
  WriteMap(w, "intervals", r.intervals, [&](const Interval& v) {
    w.BeginObject().Field("low", v.low).Field("high", v.high).EndObject();
  });
  w.Field("model_folder", r.model_folder);
  WriteMap(w, "model_files", r.model_files, [&](const std::string& v) { w.String(v); });
  w.Field("evaluation_file", r.evaluation_file).Field("reproducible", r.reproducible);
  w.Field("plan_flops", r.plan.flops).Field("plan_bytes", r.plan.bytes).Field("threads", r.threads);
  w.Field("search_seconds", r.search_seconds).Field("fit_seconds", r.fit_seconds);
  w.Field("evaluate_seconds", r.evaluate_seconds).Field("wall_seconds", r.wall_seconds);
  w.Field("cpu_seconds", r.cpu_seconds).Field("max_rss_bytes", r.max_rss_bytes).EndObject();
  return w.Take();
}

Result<JobResult> ParseJobResult(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef o, parser.Parse(json));
  JobResult r;
  HOEGO_TRY_ASSIGN(r.job_digest, o.RequireString("job_digest"));
  HOEGO_TRY_ASSIGN(r.algorithm, o.RequireString("algorithm"));
  HOEGO_TRY_ASSIGN(r.dataset_digest, o.RequireString("dataset_digest"));
  HOEGO_TRY(ReadCount(o, "units", r.units));
  HOEGO_TRY(ReadCount(o, "items", r.items));
  HOEGO_TRY(ForEachIn(o, "samples", [&](const std::string& part, JsonRef value) {
    r.samples[part] = static_cast<uint64_t>(value.AsInt().value_or(0));
    return Status();
  }));
  HOEGO_TRY(ReadTexts(o, "params", r.params));
  HOEGO_TRY(ReadTrials(o, r.trials));
  HOEGO_TRY(ReadCount(o, "best_trial", r.best_trial));
  HOEGO_TRY(ReadNumbers(o, "metrics", r.metrics));
  HOEGO_TRY(ReadIntervals(o, r.intervals));
  HOEGO_TRY_ASSIGN(r.model_folder, o.RequireString("model_folder"));
  HOEGO_TRY(ReadTexts(o, "model_files", r.model_files));
  HOEGO_TRY_ASSIGN(r.evaluation_file, o.RequireString("evaluation_file"));
  HOEGO_TRY_ASSIGN(r.reproducible, o.BoolOr("reproducible", false));
  HOEGO_TRY(ReadCosts(o, r));
  return r;
}

Result<JobResult> ReadJobResult(const std::string& output) {
  const std::string path = JoinPath(output, "result.json");
  HOEGO_TRY_ASSIGN(const std::string text, ReadWholeFile(RealDisk(), path));
  auto result = ParseJobResult(text);
  return result.ok() ? std::move(result)
                     : Result<JobResult>(Status::DataLoss(result.status().ToString()).Within(path));
}

}  // namespace hoego::training
