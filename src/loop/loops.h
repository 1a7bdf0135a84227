#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "loop/cycle.h"
#include "loop/loop_file.h"
#include "registry/registry.h"

namespace hoego::loop {

// How a loop stands, for lists and pages.
struct LoopView {
  std::string name;
  std::string endpoint;
  std::string text;        // the loop file
  std::string state;       // "idle", "running", "stopped"
  uint32_t cycle = 0;      // the newest; 0: none yet
  std::string step;        // being done now
  double share = 0;        // of that step
  std::string what;        // its last word
  int failures = 0;
  std::string error;
};

struct RetrospectiveView {
  std::string id;          // "<loop>-<cycle>"
  std::string loop;
  uint32_t cycle = 0;
  std::string summary;
  Time finished{};
};

// One line of progress, as it happens.
struct Progress {
  std::string loop;
  uint32_t cycle = 0;
  std::string step;
  double share = 0;
  std::string what;
};

// Every loop of this server: its file, its cycles, its retrospectives; each running cycle has a thread of its own.
// State is a fold over definitions of kind "loop" and "cycle". Life: Apply() for each such definition, then Start(), which
// goes on with cycles that a crash or a stop interrupted. The destructor asks running steps to stop and waits for them.
// Threads: every method from any thread.
class Loops {
 public:
  static std::unique_ptr<Loops> Make(Steps& steps, registry::Journal& journal, const Clock& clock, Metrics& metrics);
  virtual ~Loops() = default;

  virtual Status Apply(std::string_view kind, std::string_view name, std::string_view json, Time when) = 0;
  virtual void Start() = 0;
  virtual void Stop() = 0;

  // Checks the file and keeps it under its name; replaces an earlier one between cycles. FailedPrecondition while one runs.
  virtual Result<LoopFile> Put(std::string_view yaml) = 0;
  // Begins the next cycle, or goes on with a stopped one (its failures forgotten). FailedPrecondition while one runs.
  virtual Result<uint32_t> Run(std::string_view name) = 0;
  // Waits until that cycle is done or stopped: Ok, or why it stopped.
  virtual Status Wait(std::string_view name, uint32_t cycle, const std::stop_token& stop) = 0;

  virtual std::vector<LoopView> List() const = 0;
  virtual Result<LoopView> Get(std::string_view name) const = 0;
  virtual std::vector<RetrospectiveView> Retrospectives() const = 0;  // newest first
  virtual Result<std::string> RetrospectiveJson(std::string_view id) const = 0;
  virtual Result<std::string> RetrospectiveHtml(std::string_view id) const = 0;
  virtual Result<std::string> RetrospectiveText(std::string_view id, bool colour) const = 0;

  // Called for every line of progress, on the thread of the loop; must be short. The handle unsubscribes when it dies.
  virtual std::shared_ptr<void> Subscribe(std::function<void(const Progress&)> told) = 0;
};

}  // namespace hoego::loop
