#pragma once

#include <span>

#include "storage/database.h"

namespace hoego::tracking::internal {

// The schema named "tracking", one migration a version: docs/formats/metadata.md. A released
// migration never changes.
std::span<const storage::Migration> Migrations();

}  // namespace hoego::tracking::internal
