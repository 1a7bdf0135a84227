#pragma once

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/settings.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/csr.h"
#include "training/algorithm.h"
#include "training/observer.h"

namespace hoego::training {

// Values of hyper-parameters by name, as text; checked against the algorithm's table when they are
// used.
using Params = std::map<std::string, std::string>;

// InvalidArgument names the parameter, the allowed range and for an unknown name the nearest known
// one.
Result<Settings> ParamsFor(const Algorithm& algorithm, const Params& params);

enum class SearchKind { kGrid, kRandom };

// What to try. The grid is every combination of the values, numbered with the last parameter (by
// name) changing fastest.
struct SearchSpec {
  std::map<std::string, std::vector<std::string>> grid;  // {"l2": ["100", "500"]}
  SearchKind kind =
      SearchKind::kGrid;    // kRandom: combinations in an order drawn by seed, none twice
  uint32_t max_trials = 0;  // 0: every combination
  double max_seconds = 0;   // no trial starts later than this; 0: no limit. The first always runs
  std::string objective = "ndcg@20";  // larger is better
  uint64_t seed = 1;                  // of kRandom
};

struct Trial {
  uint64_t place = 0;                     // in the grid
  Params params;                          // those of the grid
  double objective = 0;                   // 0 when it failed
  std::map<std::string, double> metrics;  // on the validation part
  double seconds = 0;
  std::string error;  // why it has no objective, else empty
};

struct SearchResult {
  std::vector<Trial> trials;  // as they ran
  size_t best = 0;            // in trials: largest objective, then lowest place
  uint64_t combinations = 0;
  bool out_of_time = false;  // max_seconds cut it short: another run may try more, so the choice is
                             // not reproducible
  double seconds = 0;
};

// Fits on `fit` with the fixed parameters and each combination, and ranks for the units of
// `validate`. A test part cannot be touched: none is given. A combination that cannot be fitted is
// a trial with an error; when all fail, so does the search. Unknown names and values out of range
// are refused before the first fit. Cancelled when asked to stop. The observer gets the progress of
// the whole and, a trial a step, the objective.
Result<SearchResult> Search(const Algorithm& algorithm, const FitInput& fit,
                            const kernels::Csr& validate, const Params& fixed,
                            const SearchSpec& spec, ThreadPool& pool, Observer& observer,
                            const std::stop_token& stop,
                            const Clock& clock = SystemClock::Instance());

}  // namespace hoego::training
