#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"

namespace hoego::app {

// One user as the simulation knows her: what she would really have liked next.
struct Visitor {
  std::string unit;
  std::vector<std::string> hidden;  // items of her hidden taste for this cycle
};

// How visitors behave. SIMULATED from real events: who they are and what they like is real, that they look and play is not.
struct VisitorOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;
  std::string endpoint = "home";
  int visits = 3;                        // of each visitor, in rounds of all
  int shown = 10;                        // positions asked for
  double examine_decay = 0.85;           // position k is looked at with probability decay^(k-1)
  double play_hidden = 0.5;              // an examined film of her hidden half is played with this probability
  double play_other = 0.005;             // any other examined film
  std::chrono::milliseconds window{15'000};  // the visits are spread over it evenly
  double cpu_share = 0.3;                // of all cores, this process; beyond it the visits are delayed
  int threads = 4;
  uint64_t seed = 1;
};

struct VisitorReport {
  uint64_t visits = 0;
  uint64_t requests = 0;
  uint64_t failed = 0;       // no answer, or not 200
  uint64_t plays = 0;        // watch events sent
  uint64_t hidden_shown = 0; // shown films that were in a hidden half
  uint64_t shown = 0;
  double seconds = 0;
  double cpu_share = 0;      // as measured
  std::string first_error;
};

// Runs all visits over HTTP; progress gets the share done. Returns early when asked to stop.
VisitorReport RunVisitors(const std::vector<Visitor>& visitors, const VisitorOptions& options,
                          const std::function<void(double)>& progress, const std::stop_token& stop);

// What the simulation assumes, in one sentence for pages and reports.
std::string SimulationNote(const VisitorOptions& options);

}  // namespace hoego::app
