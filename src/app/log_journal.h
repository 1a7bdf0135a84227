#pragma once

#include "events/event_log.h"
#include "registry/registry.h"

namespace hoego::app {

// Definitions go to the event log.
class LogJournal final : public registry::Journal {
 public:
  explicit LogJournal(events::EventLog& log) : log_(log) {}
  Status Append(std::string_view kind, std::string_view name, std::string_view json) override;

 private:
  events::EventLog& log_;
};

}  // namespace hoego::app
