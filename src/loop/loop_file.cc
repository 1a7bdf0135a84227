#include "loop/loop_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "training/algorithm.h"

namespace hoego::loop {
namespace {

std::string Where(const YAML::Node& node) {
  const YAML::Mark mark = node.Mark();
  return fmt::format("line {}, column {}", mark.line + 1, mark.column + 1);
}

Status At(const YAML::Node& node, std::string_view what) {
  return Status::InvalidArgument(fmt::format("{}: {}", Where(node), what));
}

// Every key must be known; one that a later version will run is refused by name.
Status CheckKeys(const YAML::Node& map, std::string_view of, const std::vector<std::string>& known,
                 const std::vector<std::string>& later = {}) {
  if (!map.IsMap()) {
    return At(map, fmt::format("{}: expected keys and values", of));
  }
  for (const auto& entry : map) {
    const auto key = entry.first.Scalar();
    if (std::find(later.begin(), later.end(), key) != later.end()) {
      return At(entry.first, fmt::format("{} in {} is not supported yet", key, of));
    }
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const auto near = NearestName(key, known);
      return At(entry.first, fmt::format("unknown key \"{}\" in {}{}", key, of,
                                         near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
    }
  }
  return {};
}

Result<std::string> Text(const YAML::Node& parent, const std::string& key, std::string_view of) {
  const YAML::Node node = parent[key];
  if (!node) {
    return At(parent, fmt::format("{} needs the key \"{}\"", of, key));
  }
  if (!node.IsScalar() || node.Scalar().empty()) {
    return At(node, fmt::format("{}: expected text", key));
  }
  return node.Scalar();
}

Result<double> Number(const YAML::Node& node, std::string_view name, double low, double high) {
  const auto value = node.IsScalar() ? ParseDouble(node.Scalar()) : std::nullopt;
  if (!value || *value < low || *value > high) {
    return At(node, fmt::format("{}: expected a number from {} to {}, got \"{}\"", name, low, high,
                                node.IsScalar() ? node.Scalar() : "a structure"));
  }
  return *value;
}

// "10%" or 0.1 → 0.1
Result<double> Share(const YAML::Node& node, std::string_view name) {
  std::string text = node.IsScalar() ? node.Scalar() : "";
  double scale = 1;
  if (!text.empty() && text.back() == '%') {
    text.pop_back();
    scale = 0.01;
  }
  const auto value = ParseDouble(text);
  if (!value || *value * scale < 0 || *value * scale >= 1) {
    return At(node, fmt::format("{}: expected a share such as 10% or 0.1, at least 0 and below 1", name));
  }
  return *value * scale;
}

Result<std::vector<std::string>> Words(const YAML::Node& node, std::string_view name) {
  std::vector<std::string> words;
  if (!node.IsSequence()) {
    return At(node, fmt::format("{}: expected a list such as [watch, like]", name));
  }
  for (const auto& e : node) {
    if (!e.IsScalar()) {
      return At(e, fmt::format("{}: expected a word", name));
    }
    words.push_back(e.Scalar());
  }
  return words;
}

Status ReadEvents(const YAML::Node& node, datasets::LearnFrom& learn) {
  HOEGO_TRY(CheckKeys(node, "learn.events", {"positive", "negative", "weight", "min_value"}));
  if (!node["positive"]) {
    return At(node, "learn.events needs the key \"positive\"");
  }
  HOEGO_TRY_ASSIGN(learn.positive, Words(node["positive"], "positive"));
  if (learn.positive.empty()) {
    return At(node["positive"], "positive: expected at least one event type");
  }
  if (node["negative"]) {
    HOEGO_TRY_ASSIGN(learn.negative, Words(node["negative"], "negative"));
  }
  if (const YAML::Node weight = node["weight"]) {
    if (!weight.IsMap()) {
      return At(weight, "weight: expected event types with numbers, such as {like: 3}");
    }
    for (const auto& entry : weight) {
      HOEGO_TRY_ASSIGN(learn.weight[entry.first.Scalar()], Number(entry.second, "weight", 0, 1e6));
    }
  }
  if (const YAML::Node least = node["min_value"]) {
    HOEGO_TRY_ASSIGN(learn.min_value, Number(least, "min_value", -1e9, 1e9));
  }
  return {};
}

Status ReadSplit(const YAML::Node& node, datasets::SplitSpec& split) {
  HOEGO_TRY(CheckKeys(node, "learn.split", {"by", "validate", "test", "seed"}));
  if (const YAML::Node by = node["by"]) {
    const std::string how = by.IsScalar() ? by.Scalar() : "";
    if (how == "time") {
      split.by = datasets::SplitBy::kPerUnitTime;
    } else if (how == "global_time") {
      split.by = datasets::SplitBy::kGlobalTime;
    } else if (how == "last") {
      split.by = datasets::SplitBy::kLeaveLastOut;
    } else if (how == "random") {
      split.by = datasets::SplitBy::kRandom;
    } else {
      return At(by, fmt::format("by: expected time (of each unit), global_time, last or random, got \"{}\"", how));
    }
  }
  if (const YAML::Node validate = node["validate"]) {
    HOEGO_TRY_ASSIGN(split.validate, Share(validate, "validate"));
  }
  if (const YAML::Node test = node["test"]) {
    HOEGO_TRY_ASSIGN(split.test, Share(test, "test"));
  }
  if (const YAML::Node seed = node["seed"]) {
    HOEGO_TRY_ASSIGN(const double value, Number(seed, "seed", 0, 1e15));
    split.seed = static_cast<uint64_t>(value);
  }
  return split.validate + split.test < 1 ? Status{} : At(node, "validate and test together must stay below 100%");
}

Result<Candidate> ReadCandidate(const YAML::Node& node) {
  Candidate candidate;
  YAML::Node params;
  if (node.IsScalar()) {
    candidate.algorithm = node.Scalar();
  } else if (node.IsMap() && node.size() == 1) {
    candidate.algorithm = node.begin()->first.Scalar();
    params = node.begin()->second;
  } else {
    return At(node, "a candidate is a name, or a name with parameters such as ease: {l2: [100, 500]}");
  }
  if (candidate.algorithm == "command" || candidate.algorithm == "sasrec") {
    return At(node, fmt::format("{} in learn.candidates is not supported yet", candidate.algorithm));
  }
  const training::Algorithm* algorithm = training::FindAlgorithm(candidate.algorithm);
  if (algorithm == nullptr) {
    const auto known = training::AlgorithmNames();
    const auto near = NearestName(candidate.algorithm, known);
    return At(node, fmt::format("unknown algorithm \"{}\"{}; known: {}", candidate.algorithm,
                                near ? fmt::format("; did you mean \"{}\"?", *near) : "", fmt::join(known, ", ")));
  }
  if (!params || params.IsNull()) {
    return candidate;
  }
  if (!params.IsMap()) {
    return At(params, "expected parameters such as {l2: [100, 500]}");
  }
  Settings check(algorithm->params());
  for (const auto& entry : params) {
    std::vector<std::string> values;
    if (entry.second.IsScalar()) {
      values.push_back(entry.second.Scalar());
    } else {
      HOEGO_TRY_ASSIGN(values, Words(entry.second, entry.first.Scalar()));
    }
    for (const std::string& value : values) {
      if (const Status s = check.Set(entry.first.Scalar(), value); !s.ok()) {
        return At(entry.first, s.message());
      }
    }
    if (values.empty()) {
      return At(entry.second, fmt::format("{}: expected at least one value", entry.first.Scalar()));
    }
    candidate.grid.emplace_back(entry.first.Scalar(), std::move(values));
  }
  return candidate;
}

Status ReadLearn(const YAML::Node& node, LoopFile& file) {
  HOEGO_TRY(CheckKeys(node, "learn", {"events", "split", "candidates", "objective"}));
  if (!node["events"]) {
    return At(node, "learn needs the key \"events\"");
  }
  HOEGO_TRY(ReadEvents(node["events"], file.learn));
  if (node["split"]) {
    HOEGO_TRY(ReadSplit(node["split"], file.split));
  }
  const YAML::Node candidates = node["candidates"];
  if (!candidates || !candidates.IsSequence() || candidates.size() == 0) {
    return At(candidates ? candidates : node, "learn needs \"candidates\": a list of algorithms");
  }
  for (const auto& e : candidates) {
    HOEGO_TRY_ASSIGN(Candidate candidate, ReadCandidate(e));
    file.candidates.push_back(std::move(candidate));
  }
  if (const YAML::Node objective = node["objective"]) {
    file.objective = objective.IsScalar() ? objective.Scalar() : "";
    const auto at = file.objective.find('@');
    const std::vector<std::string> known = {"ndcg", "recall", "precision", "map", "mrr", "hit_rate"};
    if (at == std::string::npos || std::find(known.begin(), known.end(), file.objective.substr(0, at)) == known.end() ||
        (file.objective.substr(at + 1) != "10" && file.objective.substr(at + 1) != "20")) {
      return At(objective, fmt::format("objective: expected one of {} with @10 or @20, such as ndcg@20",
                                       fmt::join(known, ", ")));
    }
  }
  return {};
}

Status ReadGate(const YAML::Node& node, LoopFile& file) {
  HOEGO_TRY(CheckKeys(node, "gate", {"better_than", "min_gain"}));
  if (const YAML::Node than = node["better_than"]; than && (!than.IsScalar() || than.Scalar() != "champion")) {
    return At(than, "better_than: expected champion");
  }
  if (const YAML::Node gain = node["min_gain"]) {
    HOEGO_TRY_ASSIGN(file.min_gain, Number(gain, "min_gain", -1, 10));
  }
  return {};
}

// "ab 50/50" or "ab 50/50 1h"
Status ReadRoute(const YAML::Node& node, LoopFile& file) {
  if (!node.IsSequence() || node.size() == 0) {
    return At(node, "route: expected a list such as [ab 50/50 1h]");
  }
  for (const auto& stage : node) {
    const auto words = stage.IsScalar() ? Split(stage.Scalar(), ' ') : std::vector<std::string_view>{};
    const std::string_view kind = words.empty() ? "" : words[0];
    if (kind == "shadow" || kind == "interleave" || kind == "canary" || kind == "bandit") {
      return At(stage, fmt::format("{} in test.route is not supported yet", kind));
    }
    const auto parts = words.size() >= 2 ? Split(words[1], '/') : std::vector<std::string_view>{};
    const auto champion = parts.size() == 2 ? ParseDouble(parts[0]) : std::nullopt;
    const auto challenger = parts.size() == 2 ? ParseDouble(parts[1]) : std::nullopt;
    if (kind != "ab" || words.size() > 3 || !champion || !challenger || *champion <= 0 || *challenger <= 0 ||
        std::abs(*champion + *challenger - 100) > 1e-9) {
      return At(stage, "expected \"ab SHARE/SHARE [TIME]\", such as ab 50/50 1h, with shares that add up to 100");
    }
    file.weights = {*champion / 100, *challenger / 100};
    if (words.size() == 3) {
      auto limit = ParseDurationMs(words[2]);
      if (!limit.ok()) {
        return At(stage, limit.status().message());
      }
      file.test_at_most = std::chrono::milliseconds(*limit);
    }
  }
  return node.size() == 1 ? Status{} : At(node, "several stages in test.route are not supported yet");
}

// "error_rate < 0.1%", "p99 < 20ms", "diversity >= -5%"
Result<Guardrail> ReadGuardrail(const YAML::Node& node) {
  const auto words = node.IsScalar() ? Split(node.Scalar(), ' ') : std::vector<std::string_view>{};
  const std::vector<std::string> known = {"error_rate", "p50", "p99"};
  if (!words.empty() && words[0] == "diversity") {
    return At(node, "the guardrail diversity is not supported yet");
  }
  if (words.size() != 3 || (words[1] != "<" && words[1] != ">=")) {
    return At(node, "a guardrail is written \"metric < bound\" or \"metric >= bound\", such as error_rate < 0.1%");
  }
  Guardrail guard{std::string(words[0]), std::string(words[1]), 0};
  if (std::find(known.begin(), known.end(), guard.metric) == known.end()) {
    return At(node, fmt::format("unknown guardrail \"{}\"; known: {}", guard.metric, fmt::join(known, ", ")));
  }
  std::string_view bound = words[2];
  double scale = 1;
  if (bound.ends_with("%")) {
    bound.remove_suffix(1);
    scale = 0.01;
  } else if (bound.ends_with("ms")) {
    bound.remove_suffix(2);
  }
  const auto value = ParseDouble(bound);
  if (!value) {
    return At(node, fmt::format("{}: expected a bound such as 0.1% or 20ms", guard.metric));
  }
  guard.bound = *value * scale;
  return guard;
}

Status ReadTest(const YAML::Node& node, LoopFile& file) {
  HOEGO_TRY(CheckKeys(node, "test", {"route", "metric", "guardrails", "method", "min_effect"}));
  if (!node["route"]) {
    return At(node, "test needs the key \"route\"");
  }
  HOEGO_TRY(ReadRoute(node["route"], file));
  HOEGO_TRY_ASSIGN(file.metric, Text(node, "metric", "test"));
  if (!file.metric.ends_with("_rate") || file.metric.size() <= 5) {
    return At(node["metric"], "metric: expected an event type followed by _rate, such as watch_rate (units with at least "
                              "one such event naming a decision, of the units exposed)");
  }
  if (const YAML::Node guards = node["guardrails"]) {
    if (!guards.IsSequence()) {
      return At(guards, "guardrails: expected a list such as [error_rate < 0.1%]");
    }
    for (const auto& g : guards) {
      HOEGO_TRY_ASSIGN(Guardrail guard, ReadGuardrail(g));
      file.guardrails.push_back(std::move(guard));
    }
  }
  if (const YAML::Node method = node["method"]) {
    HOEGO_TRY(CheckKeys(method, "test.method", {"always_valid", "alpha"}));
    if (const YAML::Node valid = method["always_valid"]) {
      if (!valid.IsScalar() || (valid.Scalar() != "true" && valid.Scalar() != "false")) {
        return At(valid, "always_valid: expected true or false");
      }
      file.always_valid = valid.Scalar() == "true";
    }
    if (const YAML::Node alpha = method["alpha"]) {
      HOEGO_TRY_ASSIGN(file.alpha, Number(alpha, "alpha", 1e-6, 0.5));
    }
  }
  if (const YAML::Node effect = node["min_effect"]) {
    HOEGO_TRY_ASSIGN(file.min_effect, Share(effect, "min_effect"));
  }
  return {};
}

Result<LoopFile> Read(const YAML::Node& root) {
  LoopFile file;
  HOEGO_TRY(CheckKeys(root, "the loop file", {"name", "endpoint", "learn", "gate", "test", "then"}, {"again"}));
  HOEGO_TRY_ASSIGN(file.endpoint, Text(root, "endpoint", "the loop file"));
  file.name = file.endpoint;
  if (root["name"]) {
    HOEGO_TRY_ASSIGN(file.name, Text(root, "name", "the loop file"));
  }
  if (!root["learn"] || !root["test"]) {
    return At(root, fmt::format("the loop file needs the key \"{}\"", root["learn"] ? "test" : "learn"));
  }
  HOEGO_TRY(ReadLearn(root["learn"], file));
  if (root["gate"]) {
    HOEGO_TRY(ReadGate(root["gate"], file));
  }
  HOEGO_TRY(ReadTest(root["test"], file));
  if (const YAML::Node then = root["then"]) {
    const std::string what = then.IsScalar() ? then.Scalar() : "";
    if (what != "promote" && what != "ask") {
      return At(then, fmt::format("then: expected promote or ask, got \"{}\"", what));
    }
    file.promote = what == "promote";
  }
  return file;
}

}  // namespace

Result<LoopFile> ParseLoopFile(std::string_view text) {
  if (text.size() > 64 * 1024) {
    return Status::InvalidArgument(fmt::format("loop file of {} bytes: at most 65536", text.size()));
  }
  try {  // one of the four borders: yaml-cpp reports by exception
    const YAML::Node root = YAML::Load(std::string(text));
    if (!root.IsMap()) {
      return Status::InvalidArgument("line 1, column 1: the loop file: expected keys and values, such as endpoint: home");
    }
    auto file = Read(root);
    if (file.ok()) {
      file->text = std::string(text);
    }
    return file;
  } catch (const YAML::Exception& e) {
    return Status::InvalidArgument(fmt::format("line {}, column {}: {}", e.mark.line + 1, e.mark.column + 1, e.msg));
  }
}

}  // namespace hoego::loop
