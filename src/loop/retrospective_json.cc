// Reads a retrospective back from its JSON.
#include "loop/retrospective.h"

namespace hoego::loop {
namespace {

Result<std::optional<Estimate>> ReadEstimate(JsonRef parent, std::string_view key) {
  const auto node = parent.Find(key);
  if (!node || node->is_null()) {
    return std::optional<Estimate>();
  }
  Estimate e;
  HOEGO_TRY_ASSIGN(e.value, node->RequireDouble("value"));
  if (const auto interval = node->Find("interval"); interval && interval->is_array()) {
    std::vector<double> ends;
    HOEGO_TRY(interval->ForEachElement([&](JsonRef v) -> Status {
      ends.push_back(v.AsDouble().value_or(0));
      return {};
    }));
    if (ends.size() == 2) {
      e.low = ends[0];
      e.high = ends[1];
    }
  }
  return std::optional<Estimate>(e);
}

Status ReadStrings(JsonRef parent, std::string_view key, std::vector<std::string>& to) {
  const auto node = parent.Find(key);
  if (!node) {
    return {};
  }
  return node->ForEachElement([&](JsonRef v) -> Status {
    to.emplace_back(v.AsString().value_or(""));
    return {};
  });
}

template <class T>
Status ReadCount(JsonRef parent, std::string_view key, T& to) {
  HOEGO_TRY_ASSIGN(const int64_t value, parent.IntOr(key, 0));
  to = static_cast<T>(value);
  return {};
}

Status ReadPairs(JsonRef parent, std::string_view key, std::vector<std::pair<std::string, double>>& to) {
  const auto node = parent.Find(key);
  if (!node) {
    return {};
  }
  return node->ForEachField([&](std::string_view name, JsonRef v) -> Status {
    to.emplace_back(std::string(name), v.AsDouble().value_or(0));
    return {};
  });
}

Result<OfflineRow> ReadRow(JsonRef node) {
  OfflineRow row;
  HOEGO_TRY_ASSIGN(row.label, node.RequireString("label"));
  HOEGO_TRY_ASSIGN(row.algorithm, node.RequireString("algorithm"));
  HOEGO_TRY_ASSIGN(row.run_id, node.StringOr("run", ""));
  HOEGO_TRY_ASSIGN(row.winner, node.BoolOr("winner", false));
  HOEGO_TRY_ASSIGN(row.champion_recipe, node.BoolOr("champion_recipe", false));
  HOEGO_TRY_ASSIGN(row.seconds, node.DoubleOr("seconds", 0));
  HOEGO_TRY_ASSIGN(row.cpu_seconds, node.DoubleOr("cpu_seconds", 0));
  if (const auto params = node.Find("params")) {
    row.params_json = params->ToText();
  }
  HOEGO_TRY_ASSIGN(const auto objective, ReadEstimate(node, "objective"));
  row.objective = objective.value_or(Estimate{});
  HOEGO_TRY(ReadPairs(node, "metrics", row.metrics));
  return row;
}

Status ReadMeasured(JsonRef node, Retrospective& r) {
  HOEGO_TRY_ASSIGN(r.test, node.RequireString("test"));
  HOEGO_TRY_ASSIGN(r.metric, node.StringOr("metric", ""));
  HOEGO_TRY_ASSIGN(r.verdict, node.StringOr("verdict", ""));
  HOEGO_TRY_ASSIGN(r.verdict_reason, node.StringOr("reason", ""));
  HOEGO_TRY_ASSIGN(r.measured, ReadEstimate(node, "effect"));
  HOEGO_TRY_ASSIGN(r.rate_champion, node.DoubleOr("rate_champion", 0));
  HOEGO_TRY_ASSIGN(r.rate_challenger, node.DoubleOr("rate_challenger", 0));
  HOEGO_TRY(ReadCount(node, "units_champion", r.units_champion));
  HOEGO_TRY(ReadCount(node, "units_challenger", r.units_challenger));
  HOEGO_TRY_ASSIGN(r.srm_p, node.DoubleOr("srm_p_value", 1));
  HOEGO_TRY_ASSIGN(r.planned_power, node.DoubleOr("planned_power", 0));
  HOEGO_TRY(ReadStrings(node, "guardrails", r.guardrails));
  const auto looks = node.Find("looks");
  if (!looks) {
    return {};
  }
  return looks->ForEachElement([&](JsonRef v) -> Status {
    Look look;
    HOEGO_TRY_ASSIGN(look.seconds, v.DoubleOr("seconds", 0));
    HOEGO_TRY(ReadCount(v, "units", look.units));
    HOEGO_TRY_ASSIGN(look.effect, v.DoubleOr("effect", 0));
    HOEGO_TRY_ASSIGN(look.low, v.DoubleOr("low", 0));
    HOEGO_TRY_ASSIGN(look.high, v.DoubleOr("high", 0));
    r.looks.push_back(look);
    return {};
  });
}

Status ReadHead(JsonRef node, Retrospective& r) {
  HOEGO_TRY_ASSIGN(r.id, node.RequireString("id"));
  HOEGO_TRY_ASSIGN(r.loop, node.RequireString("loop"));
  HOEGO_TRY(ReadCount(node, "cycle", r.cycle));
  HOEGO_TRY_ASSIGN(r.endpoint, node.StringOr("endpoint", ""));
  HOEGO_TRY_ASSIGN(r.model, node.StringOr("model", ""));
  HOEGO_TRY_ASSIGN(const std::string started, node.RequireString("started"));
  HOEGO_TRY_ASSIGN(const std::string finished, node.RequireString("finished"));
  HOEGO_TRY_ASSIGN(r.started, ParseTime(started));
  HOEGO_TRY_ASSIGN(r.finished, ParseTime(finished));
  HOEGO_TRY_ASSIGN(r.note, node.StringOr("note", ""));
  HOEGO_TRY(ReadCount(node, "champion", r.champion));
  HOEGO_TRY(ReadCount(node, "challenger", r.challenger));
  HOEGO_TRY(ReadCount(node, "answers_now", r.answers_now));
  HOEGO_TRY_ASSIGN(r.because, node.StringOr("because", ""));
  HOEGO_TRY_ASSIGN(r.objective, node.StringOr("objective", ""));
  if (const auto dataset = node.Find("dataset")) {
    HOEGO_TRY_ASSIGN(r.dataset_digest, dataset->StringOr("digest", ""));
    HOEGO_TRY(ReadCount(*dataset, "samples", r.samples));
    HOEGO_TRY(ReadCount(*dataset, "units", r.units));
    HOEGO_TRY(ReadCount(*dataset, "items", r.items));
  }
  return {};
}

}  // namespace

Result<Retrospective> RetrospectiveFromJson(std::string_view json) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef node, parser.Parse(json));
  Retrospective r;
  HOEGO_TRY(ReadHead(node, r));
  if (const auto offline = node.Find("offline")) {
    HOEGO_TRY(offline->ForEachElement([&](JsonRef v) -> Status {
      HOEGO_TRY_ASSIGN(OfflineRow row, ReadRow(v));
      r.offline.push_back(std::move(row));
      return {};
    }));
  }
  HOEGO_TRY_ASSIGN(r.predicted, ReadEstimate(node, "predicted"));
  HOEGO_TRY_ASSIGN(r.predicted_p, node.DoubleOr("predicted_p_value", 1));
  if (const auto gate = node.Find("gate")) {
    HOEGO_TRY_ASSIGN(r.gate_passed, gate->BoolOr("passed", false));
    HOEGO_TRY_ASSIGN(r.gate_reason, gate->StringOr("reason", ""));
  }
  if (const auto measured = node.Find("measured"); measured && measured->is_object()) {
    HOEGO_TRY(ReadMeasured(*measured, r));
  }
  if (const auto cost = node.Find("cost")) {
    HOEGO_TRY(ReadPairs(*cost, "seconds", r.step_seconds));
    HOEGO_TRY(ReadCount(*cost, "requests", r.requests));
    HOEGO_TRY(ReadCount(*cost, "failed_requests", r.failed_requests));
  }
  HOEGO_TRY(ReadStrings(node, "surprises", r.surprises));
  HOEGO_TRY(ReadStrings(node, "next", r.next));
  return r;
}

}  // namespace hoego::loop
