#pragma once

#include <vector>

#include "base/settings.h"

namespace hoego::app {

// Every setting of the server: --set name=value, --config FILE, docs/settings.md, GET /v1/settings.
const std::vector<Setting>& ServerSettings();

}  // namespace hoego::app
