#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/responder.h"
#include "base/json.h"
#include "base/status.h"
#include "events/event_log.h"
#include "events/event_types.h"

namespace hoego::native {

// What one body of POST /v1/events (or /v1/items, /v1/units) holds: records whose views point into the body's own arena, and
// the lines that could not be read.
// Life: kept until Append has returned. Threads: one.
class ParsedBatch {
 public:
  std::vector<events::NewRecord> records;
  std::vector<size_t> lines;                // lines[i] is the line of records[i], from 1
  std::vector<events::LineError> errors;    // index = line, from 1; at most 20 are kept
  size_t error_count = 0;
  size_t line_count = 0;

  std::string_view Keep(std::string_view text);  // copies into the arena; stays valid while this lives
  void AddError(size_t line, std::string error);

 private:
  std::vector<std::unique_ptr<char[]>> blocks_;
  size_t used_ = 0;
  size_t block_ = 0;
};

enum class BatchShape { kEvents, kItems, kUnits };

// Reads one object, an array of objects, or NDJSON (`ndjson`). A field nobody knows is an error that names the nearest.
ParsedBatch ParseBatch(std::string_view body, bool ndjson, BatchShape shape, const events::EventTypes& types);

// One object of a shape, as PUT /v1/items/{i} takes it.
Status ParseOne(JsonRef object, BatchShape shape, const events::EventTypes& types, ParsedBatch& into, size_t line);

// Reads the request's body, appends it and answers 200 once it is durable; 422 with the lines that are wrong. events_api.cc.
struct Context;
void IngestBody(const http::Request& request, http::Responder responder, Context& context, BatchShape shape);

}  // namespace hoego::native
