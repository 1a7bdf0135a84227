#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/status.h"

namespace hoego::loop {

// A number with its interval; the interval is absent where none was computed.
struct Estimate {
  double value = 0;
  std::optional<double> low;
  std::optional<double> high;
};

// One trained candidate, as measured offline on the test part.
struct OfflineRow {
  std::string label;                // "ease l2=500"
  std::string algorithm;
  std::string params_json = "{}";
  std::string run_id;
  Estimate objective;               // with its bootstrap interval over units
  std::vector<std::pair<std::string, double>> metrics;
  double seconds = 0;               // wall, of its child process
  double cpu_seconds = 0;
  bool champion_recipe = false;     // what answers now, trained again on the same data
  bool winner = false;
};

// One look at the running test.
struct Look {
  double seconds = 0;   // since the test began
  uint64_t units = 0;
  double effect = 0;    // relative
  double low = 0;
  double high = 0;
};

// What closes a cycle: what was believed, what was done, what happened, what it cost, what is next.
struct Retrospective {
  std::string id;                  // "<loop>-<cycle>"
  std::string loop;
  uint32_t cycle = 0;
  std::string endpoint;
  std::string model;
  Time started;
  Time finished;
  std::string note;                // e.g. that the visitors are simulated
  uint32_t champion = 0;           // version before; 0: none
  uint32_t challenger = 0;         // version made; 0: none
  uint32_t answers_now = 0;
  std::string because;             // one sentence
  // Believed.
  std::string dataset_digest;
  uint64_t samples = 0, units = 0, items = 0;
  std::string objective;           // "ndcg@20"
  std::vector<OfflineRow> offline;
  std::optional<Estimate> predicted;   // relative gain of the challenger over the champion, offline
  double predicted_p = 1;              // paired test
  bool gate_passed = false;
  std::string gate_reason;
  // Measured.
  std::string test;                // its name; empty: no test was run
  std::string metric;
  std::string verdict;             // ship, keep, roll_back, undecided, invalid; empty: none
  std::string verdict_reason;
  std::optional<Estimate> measured;    // relative effect, always-valid interval; absent while invalid
  double rate_champion = 0, rate_challenger = 0;
  uint64_t units_champion = 0, units_challenger = 0;
  double srm_p = 1;
  double planned_power = 0;
  std::vector<Look> looks;
  std::vector<std::string> guardrails; // sentences
  // Cost.
  std::vector<std::pair<std::string, double>> step_seconds;
  uint64_t requests = 0;           // decisions of the test
  uint64_t failed_requests = 0;
  // Lessons, as sentences.
  std::vector<std::string> surprises;
  std::vector<std::string> next;
};

// Fills in surprises and next by rule, from what the other fields say. Pure.
void LookBack(Retrospective& r);

std::string ToJson(const Retrospective& r);
Result<Retrospective> RetrospectiveFromJson(std::string_view json);  // what ToJson wrote
std::string ToText(const Retrospective& r, bool colour);   // for a terminal, at most 100 columns
std::string ToHtml(const Retrospective& r);                // a whole page; style from /ui/style.css; plots as SVG

// The one-line summary that lists use: "cycle 1: films/2 shipped, watch_rate +34.1 % [21.0, 48.2]".
std::string Summary(const Retrospective& r);

// "+2.3 % [0.4, 4.1]": at most three significant digits, with a proper minus sign.
std::string PercentText(const Estimate& e);

}  // namespace hoego::loop
