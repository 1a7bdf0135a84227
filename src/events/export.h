#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/status.h"
#include "events/store.h"

namespace hoego::events {

struct ExportOptions {
  bool events = true;
  bool decisions = false;
  bool exposures = false;
  std::string type;          // events of this type alone; empty: all
  std::optional<Time> from;  // by `time`: at or after
  std::optional<Time> to;    // by `time`: before
  Cut start;                 // in the log
};
// "event", "decision", "exposure" or "all" into the three switches.
Status SetExportKind(ExportOptions& options, std::string_view kind);

struct ExportReport {
  uint64_t lines = 0;
  // Whose unit was forgotten, or whose key is damaged: written without id, unit and properties.
  uint64_t erased = 0;
  Cut cut;  // everything before it was looked at
};

// Writes what the log holds at the time of the call as JSON Lines, in log order, one object a line
// without its line end. An event is as POST /v1/events takes it, with "kind", "received" and "cut"
// (just behind it) added. Memory does not grow with the log. A failure of `write` ends it and is
// returned; so does `stop` (Cancelled).
Result<ExportReport> Export(EventStore& store, const ExportOptions& options,
                            const std::function<Status(std::string_view line)>& write,
                            const std::stop_token& stop = {});

}  // namespace hoego::events
