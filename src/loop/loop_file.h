#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "datasets/dataset.h"

namespace hoego::loop {

// One line of learn.candidates: an algorithm and the values to try for each of its parameters.
struct Candidate {
  std::string algorithm;
  std::vector<std::pair<std::string, std::vector<std::string>>> grid;  // parameter → values, in file order
};

struct Guardrail {
  std::string metric;      // "error_rate", "p50", "p99"
  std::string comparison;  // "<" or ">="
  double bound = 0;        // as a share (0.1% → 0.001), or milliseconds for p50 and p99
};

// A loop file (architecture, section 7), checked: names exist, ranges hold.
struct LoopFile {
  std::string name;              // of the loop: the key `name`, else the endpoint
  std::string endpoint;
  datasets::LearnFrom learn;
  datasets::SplitSpec split;
  std::vector<Candidate> candidates;
  std::string objective = "ndcg@20";
  double min_gain = 0;           // relative, against the champion
  std::vector<double> weights = {0.5, 0.5};  // of champion and challenger
  std::optional<std::chrono::milliseconds> test_at_most;  // of the route `ab 50/50 1h`
  std::string metric;            // "watch_rate"
  std::vector<Guardrail> guardrails;
  bool always_valid = true;
  double alpha = 0.05;
  double min_effect = 0.05;      // relative: the smallest change worth finding
  bool promote = true;           // then: promote; false: ask
  std::string text;              // as it was written
};

// InvalidArgument "line 7, column 3: …" with what was wrong, what was expected, and for an unknown key the nearest known
// one. Keys that the architecture names but this version does not run yet are refused by name.
Result<LoopFile> ParseLoopFile(std::string_view text);

}  // namespace hoego::loop
