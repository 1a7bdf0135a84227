#pragma once

#include <string>
#include <string_view>

#include "abtest/tests.h"
#include "base/status.h"
#include "registry/registry.h"
#include "serving/deployment.h"
#include "serving/endpoints.h"
#include "serving/serving.h"

namespace hoego::loop {

// Tests and what has to move with them: the arms' versions are loaded before the first unit is sent there, the endpoint gets a
// new route revision, and shipping moves the endpoint's alias. Used by loops and by people alike.
// Threads: every method from any thread; each waits for the log.
class TestControl {
 public:
  TestControl(abtest::Tests& tests, registry::Registry& registry, serving::Endpoints& endpoints, serving::Serving& serving,
              serving::Deployment& deployment)
      : tests_(tests), registry_(registry), endpoints_(endpoints), serving_(serving), deployment_(deployment) {}

  // NotFound when the plan's endpoint does not exist.
  Result<abtest::TestDefinition> Create(const abtest::TestPlan& plan);
  Result<abtest::TestDefinition> Start(std::string_view name);
  Result<abtest::TestDefinition> Stop(std::string_view name, std::string_view reason);
  // Moves the endpoint's alias to the winner's version, then closes the test. FailedPrecondition unless the verdict is ship.
  Result<abtest::TestDefinition> Ship(std::string_view name, std::string_view reason, std::string_view who);
  // Stops it if it runs and closes it: the control goes on answering. No alias moves.
  Result<abtest::TestDefinition> RollBack(std::string_view name, std::string_view reason);

  // Tells serving which versions running tests need. Call at start.
  void RefreshArms();

 private:
  Status LoadArms(const abtest::TestPlan& plan);

  abtest::Tests& tests_;
  registry::Registry& registry_;
  serving::Endpoints& endpoints_;
  serving::Serving& serving_;
  serving::Deployment& deployment_;
};

}  // namespace hoego::loop
