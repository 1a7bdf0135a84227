#include "loop/retrospective.h"

#include <algorithm>
#include <cmath>

namespace hoego::loop {
namespace {

std::string Digits(double percent) {
  const double a = std::abs(percent);
  const int digits = a >= 100 ? 0 : a >= 10 ? 1 : 2;
  return fmt::format("{:.{}f}", a, digits);
}

std::string Signed(double share) {
  const double percent = share * 100;
  return fmt::format("{}{}", percent < 0 ? "−" : "+", Digits(percent));
}

std::string Plain(double share) {
  const double percent = share * 100;
  return fmt::format("{}{}", percent < 0 ? "−" : "", Digits(percent));
}

void WriteEstimate(JsonWriter& w, std::string_view key, const std::optional<Estimate>& e) {
  w.Key(key);
  if (!e) {
    w.Null();
    return;
  }
  w.BeginObject().Field("value", e->value).Key("interval");
  if (e->low && e->high) {
    w.BeginArray().Double(*e->low).Double(*e->high).EndArray();
  } else {
    w.Null();
  }
  w.EndObject();
}

void WriteStrings(JsonWriter& w, std::string_view key, const std::vector<std::string>& values) {
  w.Key(key).BeginArray();
  for (const auto& v : values) {
    w.String(v);
  }
  w.EndArray();
}

void WriteOffline(JsonWriter& w, const Retrospective& r) {
  w.Key("offline").BeginArray();
  for (const OfflineRow& row : r.offline) {
    w.BeginObject().Field("label", row.label).Field("algorithm", row.algorithm).Key("params").Raw(row.params_json);
    w.Field("run", row.run_id).Field("winner", row.winner).Field("champion_recipe", row.champion_recipe);
    WriteEstimate(w, "objective", row.objective);
    w.Key("metrics").BeginObject();
    for (const auto& [name, value] : row.metrics) {
      w.Field(name, value);
    }
    w.EndObject().Field("seconds", row.seconds).Field("cpu_seconds", row.cpu_seconds).EndObject();
  }
  w.EndArray();
}

void WriteMeasured(JsonWriter& w, const Retrospective& r) {
  w.Key("measured");
  if (r.test.empty()) {
    w.Null();
    return;
  }
  w.BeginObject().Field("test", r.test).Field("metric", r.metric).Field("verdict", r.verdict);
  w.Field("reason", r.verdict_reason);
  WriteEstimate(w, "effect", r.measured);
  if (r.measured) {
    w.Field("rate_champion", r.rate_champion).Field("rate_challenger", r.rate_challenger);
  }
  w.Field("units_champion", r.units_champion).Field("units_challenger", r.units_challenger);
  w.Field("srm_p_value", r.srm_p).Field("planned_power", r.planned_power);
  WriteStrings(w, "guardrails", r.guardrails);
  w.Key("looks").BeginArray();
  for (const Look& l : r.looks) {
    w.BeginObject().Field("seconds", l.seconds).Field("units", l.units).Field("effect", l.effect).Field("low", l.low);
    w.Field("high", l.high).EndObject();
  }
  w.EndArray().EndObject();
}

}  // namespace

std::string PercentText(const Estimate& e) {
  std::string text = Signed(e.value) + " %";
  if (e.low && e.high) {
    text += fmt::format(" [{}, {}]", Plain(*e.low), Plain(*e.high));
  }
  return text;
}

void LookBack(Retrospective& r) {
  r.surprises.clear();
  r.next.clear();
  const bool both = r.predicted && r.measured;
  if (r.verdict == "invalid") {
    r.surprises.push_back(fmt::format("The test is invalid: {}. No number of it is shown.", r.verdict_reason));
    r.next.push_back("Find why the arms got unequal traffic before any other test on this endpoint.");
  }
  if (both && r.measured->low && r.measured->high) {
    const double p = r.predicted->value;
    if (p > *r.measured->high) {
      r.surprises.push_back(fmt::format("Offline promised more ({}) than visitors gave ({}).", PercentText(*r.predicted),
                                        PercentText(*r.measured)));
    } else if (p < *r.measured->low) {
      r.surprises.push_back(fmt::format("Visitors gave more ({}) than offline promised ({}).", PercentText(*r.measured),
                                        PercentText(*r.predicted)));
    }
    if ((p > 0 && *r.measured->high < 0) || (p < 0 && *r.measured->low > 0)) {
      r.surprises.push_back("Offline and online disagree on the sign: the offline metric misleads here.");
      r.next.push_back("Choose another offline objective before trusting the next candidate.");
    }
  }
  if (r.verdict == "undecided") {
    r.next.push_back("Run longer or with more units: the interval still contains both loss and gain.");
  }
  const auto slowest = std::max_element(r.offline.begin(), r.offline.end(),
                                        [](const auto& a, const auto& b) { return a.seconds < b.seconds; });
  const auto best = std::find_if(r.offline.begin(), r.offline.end(), [](const auto& o) { return o.winner; });
  if (best != r.offline.end()) {
    for (const OfflineRow& o : r.offline) {
      if (!o.winner && o.objective.high && best->objective.low && *o.objective.high >= best->objective.value) {
        r.next.push_back(fmt::format("Try {} online too: its offline interval reaches the winner's estimate.", o.label));
        break;
      }
    }
    if (slowest->seconds > 10 * best->seconds && slowest->seconds > 1 && !slowest->winner) {
      r.next.push_back(fmt::format("Drop {} from the candidates: {:.1f} s of training and no win.", slowest->label,
                                   slowest->seconds));
    }
  }
  if (!r.gate_passed && !r.gate_reason.empty()) {
    r.next.push_back(fmt::format("The gate closed ({}): widen the search or add data before the next test.", r.gate_reason));
  }
  if (r.failed_requests > 0) {
    r.surprises.push_back(fmt::format("{} of {} requests failed.", r.failed_requests, r.requests));
  }
  if (r.verdict == "ship") {
    r.next.push_back(fmt::format("Learn again from what {}/{} causes: its answers are now in the log.", r.model, r.answers_now));
  }
  if (r.surprises.empty()) {
    r.surprises.emplace_back("Nothing: what was predicted lies inside what was measured.");
  }
}

std::string ToJson(const Retrospective& r) {
  JsonWriter w;
  w.BeginObject().Field("id", r.id).Field("loop", r.loop).Field("cycle", r.cycle).Field("endpoint", r.endpoint);
  w.Field("model", r.model).Field("started", FormatTime(r.started)).Field("finished", FormatTime(r.finished));
  w.Field("note", r.note).Field("summary", Summary(r)).Field("champion", r.champion).Field("challenger", r.challenger);
  w.Field("answers_now", r.answers_now).Field("because", r.because);
  w.Key("dataset").BeginObject().Field("digest", r.dataset_digest).Field("samples", r.samples).Field("units", r.units);
  w.Field("items", r.items).EndObject();
  w.Field("objective", r.objective);
  WriteOffline(w, r);
  WriteEstimate(w, "predicted", r.predicted);
  w.Field("predicted_p_value", r.predicted_p);
  w.Key("gate").BeginObject().Field("passed", r.gate_passed).Field("reason", r.gate_reason).EndObject();
  WriteMeasured(w, r);
  w.Key("cost").BeginObject().Key("seconds").BeginObject();
  for (const auto& [step, seconds] : r.step_seconds) {
    w.Field(step, seconds);
  }
  w.EndObject().Field("requests", r.requests).Field("failed_requests", r.failed_requests).EndObject();
  WriteStrings(w, "surprises", r.surprises);
  WriteStrings(w, "next", r.next);
  w.EndObject();
  return w.Take();
}

std::string Summary(const Retrospective& r) {
  if (r.test.empty()) {
    return fmt::format("cycle {}: no test; {}", r.cycle, r.gate_reason.empty() ? r.because : r.gate_reason);
  }
  std::string text = fmt::format("cycle {}: {}/{} against {}/{}: {}", r.cycle, r.model, r.challenger, r.model, r.champion,
                                 r.verdict);
  if (r.measured) {
    text += fmt::format(", {} {}", r.metric, PercentText(*r.measured));
  }
  return text;
}

}  // namespace hoego::loop
