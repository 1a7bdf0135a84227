#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "abtest/tests.h"
#include "api/http/router.h"
#include "api/native/operations.h"
#include "base/clock.h"
#include "base/metrics.h"
#include "base/settings.h"
#include "base/thread_pool.h"
#include "events/store.h"
#include "loop/loops.h"
#include "loop/test_control.h"
#include "registry/registry.h"
#include "serving/deployment.h"
#include "serving/endpoints.h"
#include "serving/serving.h"
#include "tracking/run_watch.h"
#include "tracking/tracking.h"

namespace hoego::native {

// What the handlers call. Everything outlives the server. Wired in app/.
struct Context {
  events::EventStore& store;
  registry::Journal& journal;
  registry::Registry& registry;
  serving::Endpoints& endpoints;
  serving::ModelStore& models;
  serving::Serving& serving;
  serving::Deployment& deployment;
  abtest::Tests& tests;
  loop::TestControl& test_control;
  tracking::Tracking& tracking;
  tracking::RunWatch& watch;
  loop::Loops& loops;
  const Settings& settings;
  Metrics& metrics;
  const Clock& clock;
  ThreadPool& workers;  // for what waits on a disk: never on the server's own threads
  const std::atomic<bool>& ready;
  std::string version;
};

// Adds every native path, /health, /version, /metrics, /openapi.json and the plain pages under /ui/.
// Returns the operations' document through the router itself. Pre: context outlives the router.
void AddNativeRoutes(http::Router& router, Context& context);

// Runs `work` on a worker thread and sends what it returns. The request's views do not reach there: capture copies.
void AnswerLater(Context& context, http::Responder responder, std::function<http::Response()> work);

// One file a family of paths.
void AddEventRoutes(Operations& operations, Context& context);
void AddCatalogueRoutes(Operations& operations, Context& context);
void AddEndpointRoutes(Operations& operations, Context& context);
void AddRegistryRoutes(Operations& operations, Context& context);
void AddTestRoutes(Operations& operations, Context& context);
void AddLoopRoutes(Operations& operations, Context& context);
void AddRunRoutes(Operations& operations, Context& context);
void AddSystemRoutes(Operations& operations, http::Router& router, Context& context);
void AddPages(http::Router& router, Context& context);

}  // namespace hoego::native
