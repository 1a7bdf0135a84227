#pragma once

#include <memory>
#include <string>

#include "abtest/tests.h"
#include "base/clock.h"
#include "events/store.h"
#include "loop/cycle.h"
#include "loop/test_control.h"
#include "registry/registry.h"
#include "serving/endpoints.h"
#include "storage/blob_store.h"
#include "tracking/run_watch.h"
#include "tracking/tracking.h"

namespace hoego::loop {

// What the steps of a cycle work with; everything outlives them.
struct StepParts {
  events::EventStore& store;
  storage::BlobStore& blobs;
  tracking::Tracking& tracking;
  tracking::RunWatch& watch;
  registry::Registry& registry;
  serving::Endpoints& endpoints;
  serving::Deployment& deployment;
  abtest::Tests& tests;
  TestControl& control;
  const Clock& clock;
  std::string program;            // our own executable, for training children
  std::string work;               // DIR/work: a folder a cycle, removed when it closes
  std::string code_version;
  uint32_t training_threads = 0;  // of one child; 0: the cores shared among those that run
  uint64_t training_memory = 0;
  int training_nice = 10;
  int64_t training_timeout_ms = 0;
  std::string model;              // name of the model when the endpoint does not exist yet; empty: ENDPOINT-model
  std::string note;               // stands in every retrospective, e.g. that visitors are simulated
};

// The steps as they are. Where a first cycle finds no champion, popularity becomes version 1 and the champion, and an endpoint
// that does not exist is made.
std::unique_ptr<Steps> MakeSteps(StepParts parts);

}  // namespace hoego::loop
