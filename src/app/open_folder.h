#pragma once

#include <memory>
#include <string>

#include "app/commands.h"
#include "app/instance.h"
#include "base/status.h"

namespace hoego::app {

// What becomes of a folder that does not exist yet, or holds no log.
enum class NoLog { kRefuse, kMake };

// Instance::Open for one command that does its work and ends: its log lines stay quiet unless --set log.level says otherwise.
// NotFound names a folder that is refused: a typing error in --data must not make a store.
Result<std::unique_ptr<Instance>> OpenForCommand(const Common& common, bool serving, NoLog no_log);

}  // namespace hoego::app
