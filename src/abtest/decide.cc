#include "abtest/decide.h"

#include <fmt/format.h>

#include <array>

#include "abtest/ratio_check.h"

namespace hoego::abtest {
namespace {

constexpr double kMostMoved = 0.01;
constexpr uint64_t kMovedThatMatter = 10;

std::string Percent(double share) {
  return fmt::format("{:+.2f} %", 100 * share);
}

// "+4.10 % (between +1.20 % and +7.00 %)", or in absolute figures where there is no relative one.
std::string Describe(const EffectResult& e) {
  if (e.relative) {
    return fmt::format("{} (between {} and {})", Percent(*e.relative), Percent(*e.relative_low),
                       Percent(*e.relative_high));
  }
  return fmt::format("{:+.4g} (between {:+.4g} and {:+.4g})", e.absolute, e.absolute_low,
                     e.absolute_high);
}

std::optional<Decision> Invalid(const Snapshot& s) {
  if (s.wrong_arm) {
    return Decision{Verdict::kInvalid, true,
                    "the log holds an exposure to an arm that the plan does not have"};
  }
  if (!s.mixed_versions.empty()) {
    return Decision{
        Verdict::kInvalid, true,
        fmt::format("arm \"{}\" was answered by more than one model version", s.mixed_versions)};
  }
  if (s.srm_p < kMismatch) {
    return Decision{
        Verdict::kInvalid, s.srm_always_valid_p < kMismatch,
        fmt::format("sample ratio mismatch: the arms' units do not fit their weights (p = {:.2g})",
                    s.srm_p)};
  }
  if (s.moved_share > kMostMoved && s.moved_units >= kMovedThatMatter) {
    return Decision{Verdict::kInvalid, false,
                    fmt::format("{} units ({:.1f} %) met more than one arm", s.moved_units,
                                100 * s.moved_share)};
  }
  return std::nullopt;
}

// Whether nothing stands against shipping: each guardrail holds or, at the horizon, its measured
// harm is within the margin.
bool GuardrailsAllow(const Snapshot& s) {
  for (const GuardrailResult& g : s.guardrails) {
    const bool within = s.horizon && g.harm && *g.harm <= g.margin;
    if (g.state != GuardrailState::kHolds && !within) {
      return false;
    }
  }
  return true;
}

bool BelowMinEffect(const Snapshot& s, const EffectResult& e) {
  if (s.min_effect_relative) {
    return e.relative_high && *e.relative_high < s.min_effect;
  }
  return e.absolute_high < s.min_effect;
}

Decision DecideByEffect(const Snapshot& s, const EffectResult& e) {
  const std::string found = Describe(e);
  if (e.absolute_high >= 0 && BelowMinEffect(s, e)) {
    return {
        Verdict::kKeep, true,
        fmt::format("\"{}\" gains less than the smallest effect that matters: {}", e.arm, found)};
  }
  if (e.absolute_low > 0) {
    if (GuardrailsAllow(s)) {
      return {Verdict::kShip, true, fmt::format("\"{}\" is better: {}", e.arm, found)};
    }
    if (!s.horizon) {
      return {Verdict::kUndecided, false,
              fmt::format("\"{}\" is better: {}, but a guardrail is still open", e.arm, found)};
    }
  }
  if (e.absolute_high < 0) {
    return {Verdict::kRollBack, true, fmt::format("\"{}\" is worse: {}", e.arm, found)};
  }
  if (s.horizon) {
    return {Verdict::kKeep, true,
            fmt::format("no gain was shown by the planned end: \"{}\" {}", e.arm, found)};
  }
  return {Verdict::kUndecided, false,
          fmt::format("the interval still holds 0: \"{}\" {}", e.arm, found)};
}

}  // namespace

std::string_view VerdictName(Verdict verdict) {
  constexpr std::array<std::string_view, 5> kNames = {"undecided", "ship", "keep", "roll_back",
                                                      "invalid"};
  return kNames[static_cast<size_t>(verdict)];
}

std::string_view GuardrailStateName(GuardrailState state) {
  constexpr std::array<std::string_view, 3> kNames = {"open", "holds", "violated"};
  return kNames[static_cast<size_t>(state)];
}

Decision Decide(const Snapshot& s) {
  if (s.state == TestState::kPlanned) {
    return {Verdict::kUndecided, false, "the test has not started"};
  }
  if (std::optional<Decision> invalid = Invalid(s)) {
    return *std::move(invalid);
  }
  for (const GuardrailResult& g : s.guardrails) {
    if (g.state == GuardrailState::kViolated) {
      return {Verdict::kRollBack, true,
              fmt::format("guardrail {} is violated: {:.4g} against {:.4g}, the margin is {:.4g}",
                          GuardrailName(g.kind), g.treatment.value_or(0), g.control.value_or(0),
                          g.margin)};
    }
  }
  if (s.least_units < s.min_units) {
    return {
        Verdict::kUndecided, s.horizon,
        fmt::format("the smallest arm has {} units, {} are needed", s.least_units, s.min_units)};
  }
  if (!s.effect) {
    return {Verdict::kUndecided, s.horizon,
            "no effect can be computed yet: the outcomes do not vary"};
  }
  if (!s.always_valid && !s.horizon) {
    return {Verdict::kUndecided, false, "the fixed horizon has not been reached"};
  }
  return DecideByEffect(s, *s.effect);
}

}  // namespace hoego::abtest
