#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "loop/cycle.h"
#include "loop/steps.h"
#include "training/job.h"

namespace hoego::loop::internal {

// One trained candidate, as the result of the train step keeps it.
struct Trained {
  std::string label;        // "ease l2=500"
  std::string algorithm;
  training::Params params;  // all of them
  std::string run_id;
  std::string folder;       // of its job
  std::string evaluation;   // path of the per-unit metrics
  double validated = 0;     // objective on the validation part
  double value = 0, low = 0, high = 0;  // objective on the test part
  std::map<std::string, double> metrics;
  double seconds = 0, cpu_seconds = 0;
  bool champion_recipe = false;
  bool winner = false;
  std::string error;        // why it has no model; then only label, algorithm and run_id count
};
void WriteTrained(JsonWriter& w, const Trained& t);
Result<Trained> ReadTrained(JsonRef json);
Result<std::vector<Trained>> ReadTrainedList(const CycleState& cycle);

// The JSON object of a finished step. Pre: the step is finished. Its refs live as long as the parser.
Result<JsonRef> ResultOf(const CycleState& cycle, Step step, JsonParser& parser);

std::string CycleName(const StepInput& input);                              // "<loop>-<cycle>"
std::string CycleFolder(const StepParts& parts, const StepInput& input);    // DIR/work/<loop>-<cycle>
// The model that the endpoint names by an alias, else the configured name.
std::string ModelName(const StepParts& parts, const StepInput& input);
std::string LearnJson(const datasets::LearnFrom& learn);
std::string ParamsJson(const training::Params& params);
Result<training::Params> ReadParams(std::string_view json);
// "ease l2=500": only what differs from the defaults.
std::string Label(std::string_view algorithm, const training::Params& params);

Result<std::string> DoOpen(const StepParts& parts, const StepInput& input);
Result<std::string> DoSnapshot(const StepParts& parts, const StepInput& input);
Result<std::string> DoTrain(const StepParts& parts, const StepInput& input);
Result<std::string> DoRegister(const StepParts& parts, const StepInput& input);
Result<std::string> DoGate(const StepParts& parts, const StepInput& input);
Result<std::string> DoPlan(const StepParts& parts, const StepInput& input);
Result<std::string> DoTest(const StepParts& parts, const StepInput& input);
Result<std::string> DoConclude(const StepParts& parts, const StepInput& input);
Result<std::string> DoLookBack(const StepParts& parts, const StepInput& input);

}  // namespace hoego::loop::internal
