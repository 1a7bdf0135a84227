#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace hoego::app {

// What a budget means for the demo.
struct DemoBudget {
  std::chrono::milliseconds window;  // of a cycle's visits
  std::string loop_file;
};
DemoBudget BudgetOf(std::string_view name);

}  // namespace hoego::app
