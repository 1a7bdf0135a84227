#include "loop/steps.h"

#include "base/disk.h"
#include "loop/internal/step_tools.h"

namespace hoego::loop {
namespace internal {

void WriteTrained(JsonWriter& w, const Trained& t) {
  w.BeginObject().Field("label", t.label).Field("algorithm", t.algorithm).Key("params").Raw(ParamsJson(t.params));
  w.Field("run", t.run_id).Field("folder", t.folder).Field("evaluation", t.evaluation).Field("validated", t.validated);
  w.Field("value", t.value).Field("low", t.low).Field("high", t.high).Key("metrics").BeginObject();
  for (const auto& [name, value] : t.metrics) {
    w.Field(name, value);
  }
  w.EndObject().Field("seconds", t.seconds).Field("cpu_seconds", t.cpu_seconds);
  w.Field("champion_recipe", t.champion_recipe).Field("winner", t.winner).Field("error", t.error).EndObject();
}

Result<Trained> ReadTrained(JsonRef json) {
  Trained t;
  HOEGO_TRY_ASSIGN(t.label, json.RequireString("label"));
  HOEGO_TRY_ASSIGN(t.algorithm, json.RequireString("algorithm"));
  HOEGO_TRY_ASSIGN(t.run_id, json.StringOr("run", ""));
  HOEGO_TRY_ASSIGN(t.folder, json.StringOr("folder", ""));
  HOEGO_TRY_ASSIGN(t.evaluation, json.StringOr("evaluation", ""));
  HOEGO_TRY_ASSIGN(t.validated, json.DoubleOr("validated", 0));
  HOEGO_TRY_ASSIGN(t.value, json.DoubleOr("value", 0));
  HOEGO_TRY_ASSIGN(t.low, json.DoubleOr("low", 0));
  HOEGO_TRY_ASSIGN(t.high, json.DoubleOr("high", 0));
  HOEGO_TRY_ASSIGN(t.seconds, json.DoubleOr("seconds", 0));
  HOEGO_TRY_ASSIGN(t.cpu_seconds, json.DoubleOr("cpu_seconds", 0));
  HOEGO_TRY_ASSIGN(t.champion_recipe, json.BoolOr("champion_recipe", false));
  HOEGO_TRY_ASSIGN(t.winner, json.BoolOr("winner", false));
  HOEGO_TRY_ASSIGN(t.error, json.StringOr("error", ""));
  if (const auto params = json.Find("params")) {
    HOEGO_TRY_ASSIGN(t.params, ReadParams(params->ToText()));
  }
  if (const auto metrics = json.Find("metrics")) {
    HOEGO_TRY(metrics->ForEachField([&](std::string_view name, JsonRef v) -> Status {
      t.metrics[std::string(name)] = v.AsDouble().value_or(0);
      return {};
    }));
  }
  return t;
}

Result<JsonRef> ResultOf(const CycleState& cycle, Step step, JsonParser& parser) {
  const auto at = cycle.results.find(step);
  if (at == cycle.results.end()) {
    return Status::FailedPrecondition(fmt::format("the step {} of cycle {} is not finished", StepName(step), cycle.cycle));
  }
  return parser.Parse(at->second);
}

Result<std::vector<Trained>> ReadTrainedList(const CycleState& cycle) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef result, ResultOf(cycle, Step::kTrain, parser));
  std::vector<Trained> list;
  const auto candidates = result.Find("candidates");
  if (!candidates) {
    return Status::DataLoss("the train step has no candidates");
  }
  HOEGO_TRY(candidates->ForEachElement([&](JsonRef json) -> Status {
    HOEGO_TRY_ASSIGN(Trained t, ReadTrained(json));
    list.push_back(std::move(t));
    return {};
  }));
  return list;
}

std::string CycleName(const StepInput& input) { return fmt::format("{}-{}", input.file.name, input.cycle.cycle); }

std::string CycleFolder(const StepParts& parts, const StepInput& input) { return JoinPath(parts.work, CycleName(input)); }

std::string ModelName(const StepParts& parts, const StepInput& input) {
  if (const auto endpoint = parts.endpoints.Find(input.file.endpoint)) {
    const auto ref = registry::ModelRef::Parse(endpoint->definition.model);
    if (ref.ok() && ref->alias) {
      return ref->model;
    }
  }
  // Loops must not share a model unless their endpoints do.
  return parts.model.empty() ? input.file.endpoint + "-model" : parts.model;
}

std::string LearnJson(const datasets::LearnFrom& learn) {
  JsonWriter w;
  w.BeginObject().Key("positive").BeginArray();
  for (const auto& type : learn.positive) {
    w.String(type);
  }
  w.EndArray().Key("negative").BeginArray();
  for (const auto& type : learn.negative) {
    w.String(type);
  }
  w.EndArray().Key("weight").BeginObject();
  for (const auto& [type, weight] : learn.weight) {
    w.Field(type, weight);
  }
  return w.EndObject().Field("min_value", learn.min_value).EndObject().Take();
}

std::string ParamsJson(const training::Params& params) {
  JsonWriter w;
  w.BeginObject();
  for (const auto& [name, value] : params) {
    w.Field(name, value);
  }
  return w.EndObject().Take();
}

Result<training::Params> ReadParams(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(json));
  training::Params params;
  HOEGO_TRY(root.ForEachField([&](std::string_view name, JsonRef value) -> Status {
    const auto text = value.AsString();
    params[std::string(name)] = text ? std::string(*text) : value.ToText();
    return {};
  }));
  return params;
}

std::string Label(std::string_view algorithm, const training::Params& params) {
  std::string label(algorithm);
  const training::Algorithm* known = training::FindAlgorithm(algorithm);
  if (known == nullptr) {
    return label;
  }
  Settings settings(known->params());
  const Settings defaults(known->params());
  for (const auto& [name, value] : params) {
    if (settings.Set(name, value).ok() && settings.Text(name) != defaults.Text(name)) {
      label += fmt::format(" {}={}", name, settings.Text(name));
    }
  }
  return label;
}

namespace {

class StepsImpl final : public Steps {
 public:
  explicit StepsImpl(StepParts parts) : parts_(std::move(parts)) {}

  Result<std::string> Do(Step step, const StepInput& input) override {
    switch (step) {
      case Step::kOpen: return DoOpen(parts_, input);
      case Step::kSnapshot: return DoSnapshot(parts_, input);
      case Step::kTrain: return DoTrain(parts_, input);
      case Step::kRegister: return DoRegister(parts_, input);
      case Step::kGate: return DoGate(parts_, input);
      case Step::kPlan: return DoPlan(parts_, input);
      case Step::kTest: return DoTest(parts_, input);
      case Step::kConclude: return DoConclude(parts_, input);
      case Step::kLookBack: return DoLookBack(parts_, input);
    }
    return Status::Internal("unknown step");
  }

 private:
  const StepParts parts_;
};

}  // namespace
}  // namespace internal

std::unique_ptr<Steps> MakeSteps(StepParts parts) { return std::make_unique<internal::StepsImpl>(std::move(parts)); }

}  // namespace hoego::loop
