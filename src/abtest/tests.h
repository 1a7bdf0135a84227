#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "abtest/report.h"
#include "abtest/test.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/metrics.h"
#include "events/store.h"
#include "serving/route.h"

namespace hoego::abtest {

// Which version answers at an endpoint outside of any test.
struct FixedRoute {
  std::string model_ref;  // empty: no such endpoint
  uint64_t revision = 0;  // grows with every change of the endpoint
};

struct TestsOptions {
  std::string folder;  // DIR/abtest: holds the checkpoint of the fold
  // Called on request threads for every answer: be quick and safe from any thread.
  std::function<FixedRoute(std::string_view endpoint)> fixed_route;
  // Turns "films@champion" into "films/2" when a test starts, so that moving an alias cannot change
  // an arm. Null: as written.
  std::function<Result<std::string>(std::string_view model_ref)> pin;
  uint64_t checkpoint_records = 500'000;  // 1..; a checkpoint after this many; more: rarer, and a
                                          // longer restart after a crash
  size_t max_pending_exposures =
      65'536;  // 1..; beyond it an exposure is not taken and counted; the next answer tries again
  Status Validate() const;  // names the first wrong field
};

// The room's service: the tests of one log, who gets which arm, and what came of it.
//
// Every change is a Definition of kind "test" in the log; what is held here is a fold over the log,
// done by one thread as records arrive, checkpointed in `folder` (docs/formats/test_state.md) and
// rebuilt from the log when that file is gone. Life: opened after the store, closed before it. The
// destructor writes what exposures are queued and the checkpoint. Threads: every method from any
// thread. Choose and Exposed wait for nothing but short locks; the others are not for request
// threads that must be quick: they wait for the log.
class Tests final : public serving::Router {
 public:
  static Result<std::unique_ptr<Tests>> Open(TestsOptions options, events::EventStore& store,
                                             Disk& disk, const Clock& clock, Metrics& metrics);
  ~Tests() override;

  // The revision is the fixed route's plus the number of starts and stops of tests at this
  // endpoint.
  serving::RouteChoice Choose(std::string_view endpoint, std::string_view unit) const override;
  // Logs the exposure, once per test and unit. Fixed routes are ignored.
  void Exposed(std::string_view endpoint, const serving::RouteChoice& choice, std::string_view unit,
               Time when) override;

  // Writes the plan down. AlreadyExists when a test of this name is there. All five return what was
  // stored.
  Result<TestDefinition> Create(const TestPlan& plan);
  // planned -> running. FailedPrecondition when the move is not allowed or another test runs at the
  // endpoint.
  Result<TestDefinition> Start(std::string_view name);
  // planned or running -> stopped. Queued exposures are written first.
  Result<TestDefinition> Stop(std::string_view name, std::string_view reason);
  // -> shipped or rolled_back; a running test is stopped first. Moving the alias is the caller's:
  // do it before.
  Result<TestDefinition> Ship(std::string_view name, std::string_view reason);
  Result<TestDefinition> RollBack(std::string_view name, std::string_view reason);

  Result<TestDefinition> Get(std::string_view name) const;
  std::vector<TestDefinition> List() const;  // by name

  // The verdict over everything that was durable when it was asked for. A stopped test's verdict is
  // that of its stop.
  Result<VerdictReport> ComputeVerdict(std::string_view name);
  // The same from nothing but the log, up to the cut: reads all records from the test's start on.
  // OutOfRange when the log no longer reaches back that far.
  Result<VerdictReport> RecomputeAt(std::string_view name, events::Cut cut) const;

  // Waits until queued exposures are in the log and everything that is durable now is folded.
  Status CatchUp();
  Status Checkpoint();

 private:
  struct Impl;
  explicit Tests(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hoego::abtest
