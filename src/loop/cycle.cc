#include "loop/cycle.h"

#include <algorithm>
#include <chrono>

namespace hoego::loop {
namespace {

constexpr std::array<std::string_view, kSteps> kNames = {"open", "snapshot", "train",    "register", "gate",
                                                         "plan", "test",     "conclude", "look_back"};

std::string Body(const CycleState& state, Step step, double seconds, std::string_view result, std::string_view error) {
  JsonWriter w;
  w.BeginObject().Field("cycle", state.cycle).Field("step", StepName(step)).Field("seconds", seconds);
  if (error.empty()) {
    w.Key("result").Raw(result);
  } else {
    w.Field("error", error);
  }
  return w.EndObject().Take();
}

}  // namespace

std::string_view StepName(Step step) { return kNames[static_cast<size_t>(step)]; }

std::optional<Step> StepOfName(std::string_view name) {
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  return at == kNames.end() ? std::nullopt : std::optional<Step>(static_cast<Step>(at - kNames.begin()));
}

Status ApplyToCycle(CycleState& state, JsonRef record, Time when) {
  HOEGO_TRY_ASSIGN(const std::string name, record.RequireString("step"));
  HOEGO_TRY_ASSIGN(const int64_t cycle, record.RequireInt("cycle"));
  HOEGO_TRY_ASSIGN(const double seconds, record.DoubleOr("seconds", 0));
  const auto step = StepOfName(name);
  if (!step || cycle != static_cast<int64_t>(state.cycle)) {
    return Status::DataLoss(fmt::format("cycle {}: unexpected step \"{}\" of cycle {}", state.cycle, name, cycle));
  }
  if (const auto error = record.Find("error")) {
    state.error = std::string(error->AsString().value_or(""));
    state.stopped = ++state.failures >= kMostFailures;
    return {};
  }
  const auto result = record.Find("result");
  if (!result || !result->is_object() || !CanFollow(state.last, *step)) {
    return Status::DataLoss(fmt::format("cycle {}: step \"{}\" does not follow \"{}\"", state.cycle, name,
                                        state.last ? StepName(*state.last) : "nothing"));
  }
  state.results[*step] = result->ToText();
  state.seconds[*step] = seconds;
  state.last = step;
  state.failures = 0;
  state.stopped = false;  // somebody asked for another try, and it went well
  state.error.clear();
  if (*step == Step::kOpen) {
    state.started = when;
  }
  state.finished = when;
  return {};
}

Result<std::optional<Step>> NextStep(const CycleState& state) {
  if (state.done() || state.stopped) {
    return std::optional<Step>();
  }
  if (!state.last) {
    return std::optional<Step>(Step::kOpen);
  }
  if (*state.last == Step::kGate) {
    JsonParser parser;
    HOEGO_TRY_ASSIGN(const JsonRef gate, parser.Parse(state.results.at(Step::kGate)));
    HOEGO_TRY_ASSIGN(const bool passed, gate.BoolOr("passed", false));
    return std::optional<Step>(passed ? Step::kPlan : Step::kConclude);
  }
  return std::optional<Step>(static_cast<Step>(static_cast<uint8_t>(*state.last) + 1));
}

Status RunCycle(const LoopFile& file, CycleState& state, Steps& steps, registry::Journal& journal, const Clock& clock,
                const std::function<void(Step, double, std::string_view)>& progress, const std::stop_token& stop) {
  while (true) {
    HOEGO_TRY_ASSIGN(const auto next, NextStep(state));
    if (!next) {
      return state.stopped ? Status::FailedPrecondition(fmt::format("cycle {} stopped after {} failures: {}", state.cycle,
                                                                    state.failures, state.error))
                           : Status{};
    }
    if (stop.stop_requested()) {
      return Status::Cancelled(fmt::format("cycle {} stopped before {}", state.cycle, StepName(*next)));
    }
    const Step step = *next;
    const auto began = clock.Monotonic();
    const StepInput input{file, state,
                          [&](double share, std::string_view what) { progress(step, share, what); }, stop};
    progress(step, 0, "begins");
    const Result<std::string> result = steps.Do(step, input);
    if (!result.ok() && stop.stop_requested()) {
      return Status::Cancelled(fmt::format("cycle {} stopped in {}", state.cycle, StepName(step)));
    }
    const double seconds = std::chrono::duration<double>(clock.Monotonic() - began).count();
    const std::string body =
        Body(state, step, seconds, result.ok() ? *result : "", result.ok() ? "" : result.status().ToString());
    HOEGO_TRY(journal.Append("cycle", file.name, body));
    JsonParser parser;
    HOEGO_TRY_ASSIGN(const JsonRef record, parser.Parse(body));
    HOEGO_TRY(ApplyToCycle(state, record, clock.Now()));
    if (!result.ok()) {
      return result.status().Within(StepName(step));
    }
    progress(step, 1, "done");
  }
}

}  // namespace hoego::loop
