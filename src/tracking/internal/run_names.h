#pragma once

#include <string>
#include <string_view>

namespace hoego::tracking::internal {

// A name for a run that was given none: "quiet-heron-417". The same id gives the same name.
std::string InventRunName(std::string_view run_id);

}  // namespace hoego::tracking::internal
