#pragma once

#include <memory>

#include "base/clock.h"
#include "base/status.h"
#include "events/store.h"
#include "registry/registry.h"
#include "serving/loaded_version.h"
#include "serving/model_store.h"

namespace hoego::serving::internal {

// Fetches and reads a version and puts it together. On the loader thread; takes as long as the disk
// takes.
Result<std::unique_ptr<LoadedVersion>> ReadVersion(const registry::ModelVersion& version,
                                                   ModelFetcher& fetcher, const ModelReader& read,
                                                   const events::EventStore& store);

// Asks the version what requests will ask it, so that its pages are in memory and its cost is
// known. FailedPrecondition when it has no items or a score is not finite.
Status WarmUp(const LoadedVersion& version, const Clock& clock);

}  // namespace hoego::serving::internal
