#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"
#include "loop/loop_file.h"
#include "registry/registry.h"

namespace hoego::loop {

// One pass of the loop. A finished step is a definition of kind "cycle" in the log (docs/formats/definitions.md), so that a
// killed server goes on behind the last finished one and never does it twice.
//
//   open → snapshot → train → register → gate ─┬→ plan → test → conclude → look_back → (done)
//                                              └────────(closed)──────────┘
enum class Step : uint8_t {
  kOpen = 0,      // where this cycle's data end
  kSnapshot = 1,  // a dataset from the log
  kTrain = 2,     // every candidate in a child process, side by side; the offline winner
  kRegister = 3,  // the winner gets a version
  kGate = 4,      // is it worth a test?
  kPlan = 5,      // the test's plan, written before it runs
  kTest = 6,      // until its stopping rule
  kConclude = 7,  // the alias moves, or not
  kLookBack = 8,  // the retrospective
};
inline constexpr size_t kSteps = 9;
inline constexpr int kMostFailures = 3;  // of one step; then the loop stops and says so

std::string_view StepName(Step step);
std::optional<Step> StepOfName(std::string_view name);

// True when `to` may be the next finished step after `from` (none: nullopt).
constexpr bool CanFollow(std::optional<Step> from, Step to) {
  if (!from) {
    return to == Step::kOpen;
  }
  if (*from == Step::kGate) {
    return to == Step::kPlan || to == Step::kConclude;
  }
  return *from != Step::kLookBack && static_cast<uint8_t>(to) == static_cast<uint8_t>(*from) + 1;
}

// What the log says of one cycle.
struct CycleState {
  uint32_t cycle = 0;                      // from 1
  std::map<Step, std::string> results;     // JSON object of each finished step
  std::map<Step, double> seconds;
  std::optional<Step> last;
  int failures = 0;                        // of the step that would be next
  std::string error;                       // of the last failure
  bool stopped = false;                    // failed kMostFailures times
  Time started{};
  Time finished{};

  bool done() const { return last == Step::kLookBack; }
};

// Folds one "cycle" definition. DataLoss when it does not follow.
Status ApplyToCycle(CycleState& state, JsonRef record, Time when);

// The step to do now: nothing when the cycle is done or stopped. Pure. After the gate, its result's "passed" decides.
Result<std::optional<Step>> NextStep(const CycleState& state);

// What a step is given.
struct StepInput {
  const LoopFile& file;
  const CycleState& cycle;
  std::function<void(double share, std::string_view what)> progress;
  std::stop_token stop;
};

// Does the steps. Each must find out for itself whether an earlier, killed attempt had an effect, and not repeat it.
// Threads: one step of a loop at a time, several loops side by side.
class Steps {
 public:
  virtual ~Steps() = default;
  // The step's result as a JSON object.
  virtual Result<std::string> Do(Step step, const StepInput& input) = 0;
};

// Does what is left of the cycle, writing each finished step to the journal before the next begins. Ok when done; the
// error of the failed step otherwise (counted in the log; the caller may call again until `stopped`).
Status RunCycle(const LoopFile& file, CycleState& state, Steps& steps, registry::Journal& journal, const Clock& clock,
                const std::function<void(Step step, double share, std::string_view what)>& progress,
                const std::stop_token& stop);

}  // namespace hoego::loop
