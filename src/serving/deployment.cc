#include "serving/deployment.h"

#include <algorithm>
#include <future>
#include <memory>
#include <utility>
#include <vector>

#include "base/log.h"

namespace hoego::serving {
namespace {

// What a bare model name means once it has this alias.
constexpr std::string_view kChampion = "champion";

}  // namespace

Status Deployment::Load(const registry::ModelVersion& version) {
  auto told = std::make_shared<std::promise<Status>>();
  std::future<Status> loaded = told->get_future();
  serving_.Prepare(version.model, version.version,
                   [told](const Status& status) { told->set_value(status); });
  const Status status = loaded.get();
  return status.ok()
             ? status
             : Status::FailedPrecondition(fmt::format("{}/{} cannot be loaded: {}", version.model,
                                                      version.version, status.message()));
}

bool Deployment::IsNamed(std::string_view model, std::string_view alias) const {
  const auto names = [&](const Source& source) {
    return !source.popular && source.ref.model == model && !source.ref.version &&
           source.ref.alias.value_or(std::string(kChampion)) == alias;
  };
  const auto endpoints = endpoints_.List();
  return std::any_of(endpoints.begin(), endpoints.end(), [&](const auto& endpoint) {
    return std::any_of(endpoint->sources.begin(), endpoint->sources.end(), names);
  });
}

Result<registry::AliasMove> Deployment::MoveAlias(std::string_view model, std::string_view alias,
                                                  uint32_t version,
                                                  std::optional<uint32_t> expected,
                                                  std::string_view reason, std::string_view who) {
  // An unknown version is for the registry to refuse.
  if (const auto found = registry_.GetVersion(model, version);
      found.ok() && IsNamed(model, alias)) {
    HOEGO_TRY(Load(*found).Within(fmt::format("{}@{} was not moved", model, alias)));
  }
  return registry_.MoveAlias(model, alias, version, expected, reason, who);
}

Result<uint64_t> Deployment::PutEndpoint(std::string_view name, std::string_view json) {
  HOEGO_TRY_ASSIGN(const Endpoint endpoint, endpoints_.Check(name, json));
  // An alias that nothing has yet may get a version later; until then the fallbacks answer.
  if (const Source& source = endpoint.sources.front(); !source.popular) {
    const auto version = registry_.Resolve(source.ref);
    if (version.ok()) {
      HOEGO_TRY(Load(*version).Within(fmt::format("endpoint \"{}\" was not changed", name)));
    } else if (source.ref.version) {
      return Status::InvalidArgument(fmt::format("endpoint: {}", version.status().message()));
    }
  }
  return endpoints_.Put(name, json);
}

void Deployment::LoadEndpoints() {
  for (const auto& endpoint : endpoints_.List()) {
    for (const Source& source : endpoint->sources) {
      if (source.popular) {
        continue;
      }
      const auto version = registry_.Resolve(source.ref);
      const Status loaded = version.ok() ? Load(*version) : version.status();
      if (!loaded.ok()) {
        Log(LogLevel::kWarning, "serving", "an endpoint starts without one of its models",
            {{"endpoint", endpoint->name}, {"model", source.text}, {"why", loaded.message()}});
      }
    }
  }
}

}  // namespace hoego::serving
