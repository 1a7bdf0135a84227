#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"
#include "training/internal/job_names.h"
#include "training/job.h"

namespace hoego::training {
namespace internal {

constexpr std::array<std::string_view, 4> kPartNames = {"train", "validate", "test", "unused"};

std::string_view PartName(datasets::Part part) {
  return kPartNames[static_cast<size_t>(part)];
}

Result<datasets::Part> ParsePart(std::string_view name) {
  for (size_t i = 0; i < 3; ++i) {
    if (kPartNames[i] == name) {
      return static_cast<datasets::Part>(i);
    }
  }
  return Status::InvalidArgument(
      fmt::format("part \"{}\": expected train, validate or test", name));
}

void WriteSplit(const datasets::SplitSpec& split, JsonWriter& w) {
  w.BeginObject().Field("by", datasets::SplitByName(split.by)).Field("validate", split.validate);
  w.Field("test", split.test).Field("seed", split.seed).EndObject();
}

Status RefuseUnknownFields(JsonRef object, const std::vector<std::string>& known) {
  return object.ForEachField([&](std::string_view key, JsonRef) -> Status {
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      return {};
    }
    const auto nearest = NearestName(key, known);
    return Status::InvalidArgument(fmt::format(
        "unknown field \"{}\"{}", key, nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
  });
}

}  // namespace internal

namespace {

using internal::ParsePart;
using internal::PartName;
using internal::RefuseUnknownFields;

// A value as Settings::Set takes it. Whole doubles lose their ".0", so that 64.0 is a whole number
// too.
Result<std::string> ValueText(std::string_view name, JsonRef value) {
  if (const auto text = value.AsString()) {
    return std::string(*text);
  }
  if (value.is_number()) {
    const auto whole = value.AsInt();
    return whole ? fmt::format("{}", *whole) : value.ToText();
  }
  if (value.kind() == JsonRef::Kind::kBool) {
    return value.ToText();
  }
  return Status::InvalidArgument(
      fmt::format("parameter \"{}\": expected a string, a number or a boolean, got {}", name,
                  value.kind_name()));
}

Result<Params> ParseParams(JsonRef object) {
  Params params;
  const Status status = object.ForEachField([&](std::string_view name, JsonRef value) -> Status {
    HOEGO_TRY_ASSIGN(params[std::string(name)], ValueText(name, value));
    return {};
  });
  return status.ok() ? Result<Params>(std::move(params)) : Result<Params>(status);
}

Status ParseGrid(JsonRef object, SearchSpec& search) {
  return object.ForEachField([&](std::string_view name, JsonRef values) -> Status {
    std::vector<std::string>& list = search.grid[std::string(name)];
    if (!values.is_array()) {
      return Status::InvalidArgument(fmt::format("grid \"{}\": expected an array of values", name));
    }
    return values.ForEachElement([&](JsonRef value) -> Status {
      HOEGO_TRY_ASSIGN(std::string text, ValueText(name, value));
      list.push_back(std::move(text));
      return {};
    });
  });
}

template <class T>
Status ReadWhole(JsonRef object, std::string_view name, int64_t most, T& out) {
  HOEGO_TRY_ASSIGN(const int64_t value, object.IntOr(name, static_cast<int64_t>(out)));
  if (value < 0 || value > most) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": expected a whole number of 0 to {}, got {}", name, most, value));
  }
  out = static_cast<T>(value);
  return {};
}

constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

Status ParseSplit(JsonRef object, datasets::SplitSpec& split) {
  HOEGO_TRY(RefuseUnknownFields(object, {"by", "validate", "test", "seed"}));
  HOEGO_TRY_ASSIGN(const std::string by, object.StringOr("by", datasets::SplitByName(split.by)));
  HOEGO_TRY_ASSIGN(split.by, datasets::ParseSplitBy(by));
  HOEGO_TRY_ASSIGN(split.validate, object.DoubleOr("validate", split.validate));
  HOEGO_TRY_ASSIGN(split.test, object.DoubleOr("test", split.test));
  return ReadWhole(object, "seed", kAny, split.seed);
}

Status ParseSearch(JsonRef object, SearchSpec& search) {
  HOEGO_TRY(RefuseUnknownFields(object, {"kind", "trials", "seconds", "objective"}));
  HOEGO_TRY_ASSIGN(const std::string kind, object.StringOr("kind", "grid"));
  if (kind != "grid" && kind != "random") {
    return Status::InvalidArgument(
        fmt::format("search kind \"{}\": expected grid or random", kind));
  }
  search.kind = kind == "grid" ? SearchKind::kGrid : SearchKind::kRandom;
  HOEGO_TRY(ReadWhole(object, "trials", std::numeric_limits<uint32_t>::max(), search.max_trials));
  HOEGO_TRY_ASSIGN(search.max_seconds, object.DoubleOr("seconds", 0));
  HOEGO_TRY_ASSIGN(search.objective, object.StringOr("objective", search.objective));
  return {};
}

Status ParseParts(JsonRef array, std::vector<datasets::Part>& parts) {
  parts.clear();
  return array.ForEachElement([&](JsonRef name) -> Status {
    HOEGO_TRY_ASSIGN(const datasets::Part part, ParsePart(name.AsString().value_or("")));
    parts.push_back(part);
    return {};
  });
}

Status ParseCutoffs(JsonRef array, std::vector<int>& cutoffs) {
  cutoffs.clear();
  return array.ForEachElement([&](JsonRef value) -> Status {
    const auto cutoff = value.AsInt();
    if (!cutoff || *cutoff < 1 || *cutoff > 1'000'000) {
      return Status::InvalidArgument("cutoffs: expected whole numbers of 1 to 1000000");
    }
    cutoffs.push_back(static_cast<int>(*cutoff));
    return {};
  });
}

// Visits a field when it is there and of the kind.
Status Within(JsonRef object, std::string_view name, JsonRef::Kind kind,
              const std::function<Status(JsonRef)>& parse) {
  const auto value = object.Find(name);
  if (!value) {
    return {};
  }
  if (value->kind() != kind) {
    return Status::InvalidArgument(fmt::format("field \"{}\": expected an {}, got {}", name,
                                               kind == JsonRef::Kind::kArray ? "array" : "object",
                                               value->kind_name()));
  }
  return parse(*value).Within(name);
}

Status ParseEvaluate(JsonRef object, std::optional<datasets::Part>& part) {
  const auto value = object.Find("evaluate");
  if (!value) {
    return {};
  }
  part.reset();
  if (!value->is_null()) {
    HOEGO_TRY_ASSIGN(part, ParsePart(value->AsString().value_or("")));
  }
  return {};
}

Status ParseLimits(JsonRef object, JobSpec& spec) {
  HOEGO_TRY(ReadWhole(object, "bootstrap", 1'000'000, spec.bootstrap));
  HOEGO_TRY_ASSIGN(spec.confidence, object.DoubleOr("confidence", spec.confidence));
  HOEGO_TRY(ReadWhole(object, "seed", kAny, spec.seed));
  HOEGO_TRY_ASSIGN(spec.now_ms, object.IntOr("now_ms", 0));
  HOEGO_TRY(ReadWhole(object, "threads", 4096, spec.threads));
  HOEGO_TRY(ReadWhole(object, "memory_bytes", kAny, spec.memory_bytes));
  HOEGO_TRY(ReadWhole(object, "nice", 19, spec.nice));
  return ReadWhole(object, "timeout_ms", kAny, spec.timeout_ms);
}

void WriteParams(const Params& params, JsonWriter& w) {
  w.BeginObject();
  for (const auto& [name, value] : params) {
    w.Field(name, value);
  }
  w.EndObject();
}

void WriteSearch(const SearchSpec& search, JsonWriter& w) {
  w.Key("grid").BeginObject();
  for (const auto& [name, values] : search.grid) {
    w.Key(name).BeginArray();
    for (const std::string& value : values) {
      w.String(value);
    }
    w.EndArray();
  }
  w.EndObject().Key("search").BeginObject();
  w.Field("kind", search.kind == SearchKind::kGrid ? "grid" : "random")
      .Field("trials", search.max_trials);
  w.Field("seconds", search.max_seconds).Field("objective", search.objective).EndObject();
}

}  // namespace

Status JobSpec::Validate() const {
  if (dataset.empty() || algorithm.empty() || output.empty()) {
    return Status::InvalidArgument("job: expected dataset, algorithm and output");
  }
  HOEGO_TRY(split.Validate().Within("job"));
  const auto fitted = [&](datasets::Part part) {
    return std::find(fit.begin(), fit.end(), part) != fit.end();
  };
  if (fit.empty()) {
    return Status::InvalidArgument("job: fit names no part");
  }
  if (evaluate && fitted(*evaluate)) {
    return Status::InvalidArgument(
        fmt::format("job: {} is both fitted and evaluated", PartName(*evaluate)));
  }
  if (evaluate && *evaluate == datasets::Part::kTrain) {
    return Status::InvalidArgument("job: expected to evaluate validate or test, got train");
  }
  if (evaluate == datasets::Part::kValidate && !search.grid.empty()) {
    return Status::InvalidArgument(
        "job: with a grid, parameters are chosen on validate; evaluate test");
  }
  if (evaluate && *evaluate == datasets::Part::kValidate && fitted(datasets::Part::kTest)) {
    return Status::InvalidArgument("job: test lies after validate and cannot be fitted for it");
  }
  if (cutoffs.empty() || !(confidence > 0 && confidence < 1) || bootstrap < 1 || nice < 0 ||
      nice > 19) {
    return Status::InvalidArgument(
        "job: expected cutoffs, a confidence between 0 and 1, bootstrap >= 1 and nice of 0 to 19");
  }
  if (seed > kAny || split.seed > kAny) {
    return Status::InvalidArgument("job: expected seeds of 0 to 2^63-1");
  }
  if (!search.grid.empty()) {
    HOEGO_TRY(ParseMetricName(search.objective).status().Within("job: objective"));
  }
  return {};
}

std::string ToJson(const JobSpec& spec) {
  JsonWriter w;
  w.BeginObject()
      .Field("dataset", spec.dataset)
      .Field("dataset_digest", spec.dataset_digest)
      .Key("split");
  internal::WriteSplit(spec.split, w);
  w.Key("fit").BeginArray();
  for (const datasets::Part part : spec.fit) {
    w.String(PartName(part));
  }
  w.EndArray().Key("evaluate");
  spec.evaluate ? w.String(PartName(*spec.evaluate)) : w.Null();
  w.Field("algorithm", spec.algorithm).Key("params");
  WriteParams(spec.params, w);
  WriteSearch(spec.search, w);
  w.Key("cutoffs").BeginArray();
  for (const int cutoff : spec.cutoffs) {
    w.Int(cutoff);
  }
  w.EndArray()
      .Field("bootstrap", spec.bootstrap)
      .Field("confidence", spec.confidence)
      .Field("seed", spec.seed);
  w.Field("now_ms", spec.now_ms)
      .Field("code_version", spec.code_version)
      .Field("threads", spec.threads);
  w.Field("memory_bytes", spec.memory_bytes)
      .Field("nice", spec.nice)
      .Field("timeout_ms", spec.timeout_ms);
  w.Field("output", spec.output).EndObject();
  return w.Take();
}

Result<JobSpec> ParseJobSpec(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef o, parser.Parse(json));
  if (!o.is_object()) {
    return Status::InvalidArgument("job: expected a JSON object");
  }
  HOEGO_TRY(
      RefuseUnknownFields(o, {"dataset",   "dataset_digest", "split", "fit",        "evaluate",
                              "algorithm", "params",         "grid",  "search",     "cutoffs",
                              "bootstrap", "confidence",     "seed",  "now_ms",     "code_version",
                              "threads",   "memory_bytes",   "nice",  "timeout_ms", "output"})
          .Within("job"));
  JobSpec spec;
  HOEGO_TRY_ASSIGN(spec.dataset, o.RequireString("dataset"));
  HOEGO_TRY_ASSIGN(spec.dataset_digest, o.StringOr("dataset_digest", ""));
  HOEGO_TRY_ASSIGN(spec.algorithm, o.RequireString("algorithm"));
  HOEGO_TRY_ASSIGN(spec.code_version, o.StringOr("code_version", ""));
  HOEGO_TRY_ASSIGN(spec.output, o.RequireString("output"));
  using Kind = JsonRef::Kind;
  HOEGO_TRY(
      Within(o, "split", Kind::kObject, [&](JsonRef v) { return ParseSplit(v, spec.split); }));
  HOEGO_TRY(Within(o, "fit", Kind::kArray, [&](JsonRef v) { return ParseParts(v, spec.fit); }));
  HOEGO_TRY(ParseEvaluate(o, spec.evaluate).Within("evaluate"));
  HOEGO_TRY(Within(o, "params", Kind::kObject, [&](JsonRef v) {
    auto params = ParseParams(v);
    if (params.ok()) {
      spec.params = *params;
    }
    return params.status();
  }));
  HOEGO_TRY(Within(o, "grid", Kind::kObject, [&](JsonRef v) { return ParseGrid(v, spec.search); }));
  HOEGO_TRY(
      Within(o, "search", Kind::kObject, [&](JsonRef v) { return ParseSearch(v, spec.search); }));
  HOEGO_TRY(
      Within(o, "cutoffs", Kind::kArray, [&](JsonRef v) { return ParseCutoffs(v, spec.cutoffs); }));
  HOEGO_TRY(ParseLimits(o, spec));
  HOEGO_TRY(spec.Validate());
  return spec;
}

std::string JobDigest(const JobSpec& spec) {
  JobSpec what = spec;
  what.dataset = spec.dataset_digest.empty() ? spec.dataset : "-";
  what.output = "-";
  what.code_version = "-";
  what.threads = 0;
  what.memory_bytes = 0;
  what.nice = 0;
  what.timeout_ms = 0;
  return ToHex(Sha256(ToJson(what)));
}

}  // namespace hoego::training
