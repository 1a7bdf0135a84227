#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "tracking/tracking.h"

namespace hoego::app {

// The tag by which `hoego train` marks its run: the name of its work folder. Runs of loops carry none, they go on after a
// restart; nor do runs of other clients.
inline constexpr std::string_view kWorkTag = "hoego.work";

// A name below DIR/work for one `hoego train`: "train-<uuid>".
std::string NewWorkName();

// Ends as KILLED the runs of `hoego train` whose process is gone, and removes their work folders. Runs first: a kill in
// between is made good by the next call. Cost: lists DIR/work; runs are read only when a work folder was left.
// Pre: we hold the lock of `folder`, so that no such process is alive on it.
Status EndKilledTrainings(const std::string& folder, tracking::Tracking& tracking);

}  // namespace hoego::app
