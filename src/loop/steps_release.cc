// The steps register and gate.
#include <algorithm>
#include <cmath>

#include "base/disk.h"
#include "base/thread_pool.h"
#include "loop/internal/step_tools.h"
#include "registry/package.h"
#include "training/evaluation_file.h"

namespace hoego::loop::internal {
namespace {

constexpr int kReplicates = 2000;

class QuietObserver final : public training::Observer {
 public:
  QuietObserver(const StepInput& input, std::string name) : input_(input), name_(std::move(name)) {}
  void Progress(double share, std::string_view what) override { input_.progress(share, fmt::format("{}: {}", name_, what)); }
  void Metric(std::string_view /*name*/, double /*value*/, int64_t /*step*/) override {}

 private:
  const StepInput& input_;
  const std::string name_;
};

// The version that an earlier, killed attempt of this cycle made for this role.
std::optional<registry::ModelVersion> Made(const StepParts& parts, const std::string& model, const std::string& cycle,
                                           const std::string& role) {
  for (const registry::ModelVersion& v : parts.registry.ListVersions(model)) {
    const auto of_cycle = v.tags.find("cycle");
    const auto of_role = v.tags.find("role");
    if (of_cycle != v.tags.end() && of_cycle->second == cycle && of_role != v.tags.end() && of_role->second == role) {
      return v;
    }
  }
  return std::nullopt;
}

struct Snapshot {
  std::string digest, from, to;
  int64_t now_ms = 0;
};

Result<Snapshot> ReadSnapshot(const StepInput& input) {
  Snapshot s;
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef snapshot, ResultOf(input.cycle, Step::kSnapshot, parser));
  HOEGO_TRY_ASSIGN(s.digest, snapshot.RequireString("digest"));
  HOEGO_TRY_ASSIGN(s.from, snapshot.RequireString("from"));
  HOEGO_TRY_ASSIGN(s.to, snapshot.RequireString("to"));
  HOEGO_TRY_ASSIGN(const JsonRef open, ResultOf(input.cycle, Step::kOpen, parser));
  HOEGO_TRY_ASSIGN(s.now_ms, open.RequireInt("now"));
  return s;
}

// Fits a recipe on everything that was known, the test part too: it has done its work. This is what may go live.
Result<registry::ModelVersion> MakeVersion(const StepParts& parts, const StepInput& input, const std::string& model,
                                           const Trained& recipe, const std::string& role) {
  if (auto made = Made(parts, model, CycleName(input), role)) {
    return std::move(*made);
  }
  HOEGO_TRY_ASSIGN(const Snapshot snapshot, ReadSnapshot(input));
  training::JobSpec spec;
  spec.dataset = JoinPath(CycleFolder(parts, input), "dataset");
  spec.dataset_digest = snapshot.digest;
  spec.split = input.file.split;
  spec.fit = {datasets::Part::kTrain, datasets::Part::kValidate, datasets::Part::kTest};
  spec.evaluate.reset();
  spec.algorithm = recipe.algorithm;
  spec.params = recipe.params;
  spec.seed = input.file.split.seed;
  spec.now_ms = snapshot.now_ms;
  spec.code_version = parts.code_version;
  spec.threads = parts.training_threads > 0 ? parts.training_threads : static_cast<uint32_t>(UsableCores());
  spec.memory_bytes = parts.training_memory;
  spec.nice = parts.training_nice;
  spec.timeout_ms = parts.training_timeout_ms;
  spec.output = JoinPath(CycleFolder(parts, input), "final-" + role);
  QuietObserver observer(input, recipe.label);
  HOEGO_TRY_ASSIGN(const training::JobResult job, training::RunJob(parts.program, spec, observer, input.stop));
  registry::ModelVersion version;
  version.model = model;
  HOEGO_TRY_ASSIGN(version.source, registry::PackageFolder(parts.blobs, JoinPath(spec.output, job.model_folder)));
  version.run_id = recipe.run_id;
  version.description = recipe.label;
  version.dataset_digest = snapshot.digest;
  version.from_cut = snapshot.from;
  version.to_cut = snapshot.to;
  version.tags = {{"cycle", CycleName(input)}, {"role", role},          {"algorithm", recipe.algorithm},
                  {"params", ParamsJson(recipe.params)}, {"learn", LearnJson(input.file.learn)}};
  version.metrics = recipe.metrics;
  return parts.registry.CreateVersion(std::move(version));
}

Status EnsureModel(const StepParts& parts, const std::string& model) {
  const auto made = parts.registry.CreateModel(model, "made by a loop");
  return made.ok() || made.status().code() == Code::kAlreadyExists ? Status{} : made.status();
}

Status EnsureEndpoint(const StepParts& parts, const StepInput& input, const std::string& model) {
  if (parts.endpoints.Find(input.file.endpoint)) {
    return {};
  }
  JsonWriter w;
  w.BeginObject().Field("model", model + "@champion").Key("fallback").BeginArray().String("popular").EndArray().EndObject();
  return parts.deployment.PutEndpoint(input.file.endpoint, w.text()).status();
}

struct Roles {
  Trained winner;
  Trained champion;
};

Result<Roles> FindRoles(const StepInput& input) {
  HOEGO_TRY_ASSIGN(const std::vector<Trained> all, ReadTrainedList(input.cycle));
  const auto winner = std::find_if(all.begin(), all.end(), [](const Trained& t) { return t.winner; });
  const auto champion = std::find_if(all.begin(), all.end(), [](const Trained& t) { return t.champion_recipe; });
  if (winner == all.end() || champion == all.end()) {
    return Status::DataLoss("the train step names no winner or no champion");
  }
  return Roles{*winner, *champion};
}

}  // namespace

Result<std::string> DoRegister(const StepParts& parts, const StepInput& input) {
  HOEGO_TRY_ASSIGN(const Roles roles, FindRoles(input));
  const std::string model = ModelName(parts, input);
  HOEGO_TRY(EnsureModel(parts, model));
  const registry::ModelRef champion_ref{model, std::nullopt, "champion"};
  if (!parts.registry.Resolve(champion_ref).ok()) {
    input.progress(0.2, "the first champion");
    HOEGO_TRY_ASSIGN(const registry::ModelVersion first, MakeVersion(parts, input, model, roles.champion, "first"));
    HOEGO_TRY(parts.deployment.MoveAlias(model, "champion", first.version, 0, "the first champion", "loop").status());
  }
  HOEGO_TRY(EnsureEndpoint(parts, input, model));
  HOEGO_TRY_ASSIGN(const registry::ModelVersion champion, parts.registry.Resolve(champion_ref));
  uint32_t challenger = 0;
  if (!(roles.winner.champion_recipe && Made(parts, model, CycleName(input), "first"))) {
    input.progress(0.6, "the challenger");
    HOEGO_TRY_ASSIGN(const registry::ModelVersion made, MakeVersion(parts, input, model, roles.winner, "challenger"));
    challenger = made.version;
  }
  JsonWriter w;
  w.BeginObject().Field("model", model).Field("champion", champion.version).Field("challenger", challenger).EndObject();
  return w.Take();
}

Result<std::string> DoGate(const StepParts& parts, const StepInput& input) {
  static_cast<void>(parts);
  HOEGO_TRY_ASSIGN(const Roles roles, FindRoles(input));
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef registered, ResultOf(input.cycle, Step::kRegister, parser));
  HOEGO_TRY_ASSIGN(const int64_t challenger, registered.RequireInt("challenger"));
  JsonWriter w;
  w.BeginObject();
  if (challenger == 0) {
    w.Field("passed", false).Field("reason", "no candidate beat the first champion's recipe on the validation part");
    return w.EndObject().Take();
  }
  double gain = 0;
  double p = 1;
  std::string reason;
  if (roles.winner.champion_recipe) {
    reason = fmt::format("the champion's own recipe was best on the validation part: trained again on the enlarged log, no gain "
                         "is predicted offline (0 against {} asked)", input.file.min_gain);
    w.Field("gain", 0.0);
  } else {
    HOEGO_TRY_ASSIGN(const auto a, training::LoadEvaluation(roles.winner.evaluation));
    HOEGO_TRY_ASSIGN(const auto b, training::LoadEvaluation(roles.champion.evaluation));
    HOEGO_TRY_ASSIGN(const auto paired,
                     training::CompareStored(a, b, input.file.objective, 0.95, kReplicates, input.file.split.seed));
    const double base = roles.champion.value;
    if (base <= 0) {
      w.Field("passed", true).Field("reason", "the champion's recipe scored 0 offline").Field("p_value", paired.p_t);
      return w.EndObject().Take();
    }
    gain = paired.difference / base;
    p = paired.p_t;
    w.Field("gain", gain).Field("low", paired.interval.low / base).Field("high", paired.interval.high / base);
    reason = fmt::format("{:+.1f} % in {} over the champion's recipe, {:+.1f} % asked", 100 * gain, input.file.objective,
                         100 * input.file.min_gain);
  }
  w.Field("p_value", p).Field("passed", gain >= input.file.min_gain).Field("reason", reason);
  return w.EndObject().Take();
}

}  // namespace hoego::loop::internal
