#pragma once

#include <optional>
#include <string>
#include <vector>

#include "abtest/decide.h"
#include "abtest/fold.h"
#include "abtest/test.h"
#include "events/types.h"

namespace hoego::abtest {

// A verdict with its evidence, as of its cut. The same plan and the same cut always give the same
// digits.
struct VerdictReport {
  std::string test;
  TestState state = TestState::kPlanned;
  Decision decision;
  std::string metric;
  std::optional<EffectResult> effect;  // absent while invalid
  double alpha = 0.05;
  bool always_valid = true;
  double srm_p = 1;
  double srm_always_valid_p = 1;
  bool srm_warning = false;
  std::vector<GuardrailResult> guardrails;
  struct ArmReport {
    std::string name;
    std::string model_ref;
    uint64_t units = 0;
    uint64_t decisions = 0;
    double metric = 0;  // NaN: none yet, or invalid
  };
  std::vector<ArmReport> arms;
  uint64_t moved_units = 0;       // met in two arms, in neither arm's figures
  uint64_t feedback = 0;          // events that took part
  uint64_t late_feedback = 0;     // came after the window, or claim to precede their decision
  uint64_t foreign_feedback = 0;  // named a decision made for another unit
  uint64_t lost_feedback =
      0;  // named a decision that is not in the log; of this process's life only
  events::Cut cut;
  std::string file;   // of an analysis of a file (analyze.h), which has no cut; else empty
  uint64_t rows = 0;  // of that file

  // The arm that was found better; null unless the verdict is ship.
  const ArmReport* winner() const;
};

// Everything from the figures that the fold had at `cut`. Pure.
VerdictReport MakeReport(const TestDefinition& definition, const Figures& figures, events::Cut cut);
// Of a test that has not started.
VerdictReport PlannedReport(const TestDefinition& definition, events::Cut cut);

// The body of GET /v1/tests/{t}/verdict.
std::string VerdictJson(const VerdictReport& report);

}  // namespace hoego::abtest
