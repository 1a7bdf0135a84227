#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "registry/registry.h"
#include "serving/endpoints.h"
#include "serving/serving.h"

namespace hoego::serving {

// Changes what answers, so that no request misses it: the version that is to answer is loaded and
// warm before the change is made. A version that cannot be loaded is refused with its reason, and
// what answered goes on answering.
//
// Threads: every method from any thread. Cost: the caller waits while a version loads; not for
// request threads.
class Deployment {
 public:
  // Pre: all outlive this.
  Deployment(registry::Registry& registry, Endpoints& endpoints, Serving& serving)
      : registry_(registry), endpoints_(endpoints), serving_(serving) {}

  // As Registry::MoveAlias; loads first when an endpoint names the alias. FailedPrecondition: the
  // version cannot be loaded.
  Result<registry::AliasMove> MoveAlias(std::string_view model, std::string_view alias,
                                        uint32_t version, std::optional<uint32_t> expected,
                                        std::string_view reason, std::string_view who);
  // As Endpoints::Put; loads the endpoint's model first, its fallbacks without waiting.
  // FailedPrecondition: the model cannot be loaded; InvalidArgument: no such version.
  Result<uint64_t> PutEndpoint(std::string_view name, std::string_view json);

  // Loads what the endpoints name: call it at start, before requests come. What cannot be loaded is
  // logged and left to the fallbacks.
  void LoadEndpoints();

 private:
  Status Load(const registry::ModelVersion& version);
  bool IsNamed(std::string_view model, std::string_view alias) const;

  registry::Registry& registry_;
  Endpoints& endpoints_;
  Serving& serving_;
};

}  // namespace hoego::serving
