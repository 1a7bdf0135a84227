#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/test.h"

namespace hoego::abtest {

enum class Verdict : uint8_t { kUndecided = 0, kShip = 1, kKeep = 2, kRollBack = 3, kInvalid = 4 };
std::string_view VerdictName(
    Verdict verdict);  // "ship", "keep", "roll_back", "undecided", "invalid"

// Non-inferiority: `harm` is how much worse the treatment is, in the guardrail's own scale; its
// interval is always valid.
enum class GuardrailState : uint8_t {
  kOpen = 0,      // not enough data to say
  kHolds = 1,     // the interval lies below the margin
  kViolated = 2,  // the interval lies above the margin
};
struct GuardrailResult {
  GuardrailKind kind = GuardrailKind::kErrorRate;
  double margin = 0;
  std::optional<double> control;
  std::optional<double> treatment;
  std::optional<double> harm;
  std::optional<double> low;
  std::optional<double> high;
  GuardrailState state = GuardrailState::kOpen;
};
std::string_view GuardrailStateName(GuardrailState state);

// Effect of the treatment on the metric, turned so that more is better, on both scales.
struct EffectResult {
  std::string arm;
  double control = 0;
  double treatment = 0;
  double absolute = 0;
  double absolute_low = 0;
  double absolute_high = 0;
  std::optional<double> relative;  // absent when the control's figure is 0
  std::optional<double> relative_low;
  std::optional<double> relative_high;
  double p_value = 1;
};

// Everything that a verdict is made from.
struct Snapshot {
  TestState state = TestState::kRunning;
  bool always_valid = true;
  double srm_p = 1;
  double srm_always_valid_p = 1;
  double moved_share = 0;  // of units, met in more than one arm
  uint64_t moved_units = 0;
  std::string
      mixed_versions;        // the arm that was answered by more than one model version, else empty
  bool wrong_arm = false;    // the log holds an exposure to an arm that the plan does not have
  uint64_t least_units = 0;  // of the smallest arm
  uint64_t min_units = 100;
  bool horizon = false;  // max_units or max_duration was reached
  double min_effect = 0;
  bool min_effect_relative = true;
  std::optional<EffectResult> effect;  // absent while it cannot be computed
  std::vector<GuardrailResult> guardrails;
};

struct Decision {
  Verdict verdict = Verdict::kUndecided;
  bool stop = false;   // going on would change nothing: stop the test
  std::string reason;  // a sentence
};

// The decision table, first row that fits:
//
//   | what holds                                                        | verdict   | stop |
//   |-------------------------------------------------------------------|-----------|------------------------|
//   | planned                                                           | undecided | no | | an
//   exposure to no arm; an arm answered by two model versions      | invalid   | yes | | chi-square
//   SRM p < 0.001                                          | invalid   | always-valid p < 0.001 |
//   | more than 1 % of units, and at least 10, met in two arms          | invalid   | no | | a
//   guardrail violated                                              | roll_back | yes | | an arm
//   below min_units, or no effect computable                   | undecided | at the horizon | |
//   fixed horizon, not reached                                        | undecided | no | |
//   interval's upper end below min_effect and not below 0             | keep      | yes | |
//   interval above 0, every guardrail holds                           | ship      | yes | |
//   interval above 0, horizon, harm within the margin where open      | ship      | yes | |
//   interval below 0                                                  | roll_back | yes | | horizon
//   | keep      | yes                    | | otherwise | undecided | no                     |
//
// Signs are read from the absolute interval, min_effect on its own scale. At the horizon "keep"
// means that no gain was shown. Pure.
Decision Decide(const Snapshot& snapshot);

}  // namespace hoego::abtest
