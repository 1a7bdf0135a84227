#include "loop/test_control.h"

#include <future>

namespace hoego::loop {

Result<abtest::TestDefinition> TestControl::Create(const abtest::TestPlan& plan) {
  HOEGO_TRY(endpoints_.Get(plan.endpoint).status());
  return tests_.Create(plan);
}

Status TestControl::LoadArms(const abtest::TestPlan& plan) {
  for (const serving::Arm& arm : plan.arms) {
    HOEGO_TRY_ASSIGN(const registry::ModelRef ref, registry::ModelRef::Parse(arm.model_ref));
    HOEGO_TRY_ASSIGN(const registry::ModelVersion version, registry_.Resolve(ref));
    auto ready = std::make_shared<std::promise<Status>>();
    std::future<Status> answer = ready->get_future();
    serving_.Prepare(version.model, version.version, [ready](const Status& status) { ready->set_value(status); });
    if (const Status status = answer.get(); !status.ok()) {
      return status.Within(fmt::format("arm \"{}\"", arm.name));
    }
  }
  return {};
}

Result<abtest::TestDefinition> TestControl::Start(std::string_view name) {
  HOEGO_TRY_ASSIGN(const abtest::TestDefinition planned, tests_.Get(name));
  HOEGO_TRY(LoadArms(planned.plan));
  HOEGO_TRY_ASSIGN(abtest::TestDefinition started, tests_.Start(name));
  RefreshArms();
  HOEGO_TRY(endpoints_.NewRevision(started.plan.endpoint, fmt::format("test {} starts", name)).status());
  return started;
}

Result<abtest::TestDefinition> TestControl::Stop(std::string_view name, std::string_view reason) {
  HOEGO_TRY_ASSIGN(abtest::TestDefinition stopped, tests_.Stop(name, reason));
  HOEGO_TRY(endpoints_.NewRevision(stopped.plan.endpoint, fmt::format("test {} stops", name)).status());
  RefreshArms();
  return stopped;
}

Result<abtest::TestDefinition> TestControl::Ship(std::string_view name, std::string_view reason, std::string_view who) {
  HOEGO_TRY_ASSIGN(const abtest::VerdictReport verdict, tests_.ComputeVerdict(name));
  HOEGO_TRY_ASSIGN(const abtest::TestDefinition test, tests_.Get(name));
  if (verdict.winner() == nullptr) {
    return Status::FailedPrecondition(fmt::format("test \"{}\": the verdict is {}, not ship: {}", name,
                                                  abtest::VerdictName(verdict.decision.verdict), verdict.decision.reason));
  }
  HOEGO_TRY_ASSIGN(const auto endpoint, endpoints_.Get(test.plan.endpoint));
  HOEGO_TRY_ASSIGN(const registry::ModelRef in_charge, registry::ModelRef::Parse(endpoint->definition.model));
  HOEGO_TRY_ASSIGN(const registry::ModelRef winner, registry::ModelRef::Parse(verdict.winner()->model_ref));
  if (!in_charge.alias || !winner.version || in_charge.model != winner.model) {
    return Status::FailedPrecondition(
        fmt::format("endpoint \"{}\" names {}, the winner is {}: only an alias of the same model can be moved",
                    test.plan.endpoint, endpoint->definition.model, verdict.winner()->model_ref));
  }
  HOEGO_TRY(deployment_
                .MoveAlias(in_charge.model, *in_charge.alias, *winner.version, std::nullopt,
                           fmt::format("test {}: {}", name, verdict.decision.reason), who)
                .status());
  HOEGO_TRY_ASSIGN(abtest::TestDefinition shipped, tests_.Ship(name, reason.empty() ? verdict.decision.reason : reason));
  HOEGO_TRY(endpoints_.NewRevision(test.plan.endpoint, fmt::format("test {} shipped", name)).status());
  RefreshArms();
  return shipped;
}

Result<abtest::TestDefinition> TestControl::RollBack(std::string_view name, std::string_view reason) {
  HOEGO_TRY_ASSIGN(abtest::TestDefinition closed, tests_.RollBack(name, reason));
  HOEGO_TRY(endpoints_.NewRevision(closed.plan.endpoint, fmt::format("test {} closed", name)).status());
  RefreshArms();
  return closed;
}

void TestControl::RefreshArms() {
  std::vector<std::string> refs;
  for (const abtest::TestDefinition& test : tests_.List()) {
    if (test.state == abtest::TestState::kRunning) {
      for (const serving::Arm& arm : test.plan.arms) {
        refs.push_back(arm.model_ref);
      }
    }
  }
  serving_.SetArms(std::move(refs));
}

}  // namespace hoego::loop
