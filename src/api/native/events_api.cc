// POST /v1/events and PUT GET /v1/event-types/{t}.
#include <memory>

#include "api/native/ingest.h"
#include "api/native/native.h"
#include "events/limits.h"

namespace hoego::native {
namespace {

enum class BodyKind { kJson, kNdjson, kUnknown };

BodyKind KindOf(std::string_view content_type) {
  const std::string_view type = content_type.substr(0, content_type.find(';'));
  if (type.empty() || type == "application/json") {
    return BodyKind::kJson;
  }
  return type == "application/x-ndjson" || type == "application/ndjson" || type == "application/jsonl"
             ? BodyKind::kNdjson
             : BodyKind::kUnknown;
}

// The array of wrong lines, at most 20.
std::string ErrorsJson(const ParsedBatch& batch) {
  JsonWriter w;
  w.BeginArray();
  for (const auto& e : batch.errors) {
    w.BeginObject().Field("line", static_cast<uint64_t>(e.index)).Field("error", e.error).EndObject();
  }
  return w.EndArray().Take();
}

std::string IngestAnswer(const events::AppendResult& result, const std::string& errors) {
  JsonWriter w;
  w.BeginObject().Field("accepted", result.accepted).Field("duplicates", result.duplicates);
  w.Field("cut", result.cut.ToString());
  if (!errors.empty()) {
    w.Key("errors").Raw(errors);
  }
  return w.EndObject().Take();
}

}  // namespace

// Parses a body of a shape, appends it and answers once it is durable. Shared by events, items and units.
void IngestBody(const http::Request& request, http::Responder responder, Context& context, BatchShape shape) {
  const BodyKind kind = KindOf(request.header("Content-Type"));
  if (kind == BodyKind::kUnknown) {
    responder.Send(http::Problem(415, Status::InvalidArgument(fmt::format(
                                          "Content-Type \"{}\": expected application/json or application/x-ndjson",
                                          request.header("Content-Type").substr(0, 80)))));
    return;
  }
  const auto on_error = request.query("on_error");
  if (on_error && *on_error != "skip" && *on_error != "refuse") {
    responder.Send(Status::InvalidArgument("on_error: expected skip or refuse"));
    return;
  }
  const bool skip = on_error == "skip";
  const ParsedBatch batch = ParseBatch(request.body, kind == BodyKind::kNdjson, shape, context.store.types());
  if (batch.error_count > 0 && (!skip || batch.records.empty())) {
    responder.Send(http::Problem(
        422, Status::InvalidArgument(fmt::format("{} of {} lines are wrong; nothing was stored", batch.error_count, batch.line_count)),
        "\"errors\":" + ErrorsJson(batch)));
    return;
  }
  if (batch.records.empty()) {
    responder.Send(http::Problem(422, Status::InvalidArgument("the body holds no line: expected at least one")));
    return;
  }
  auto answer = std::make_shared<http::Responder>(std::move(responder));
  const std::string errors = batch.error_count > 0 ? ErrorsJson(batch) : std::string();
  context.store.log().Append(batch.records, [answer, errors](const Result<events::AppendResult>& result) {
    if (result.ok()) {
      answer->Send(http::Json(IngestAnswer(*result, errors)));
    } else {
      answer->Send(result.status());
    }
  });
}

namespace {

// Appends one definition and answers with `body` once it is durable and applied.
void PutEventType(const http::Request& request, http::Responder responder, Context& context) {
  const std::string& name = request.params[0];
  if (const Status status = context.store.types().CheckDeclaration(request.body); !status.ok()) {
    responder.Send(http::Problem(422, status));
    return;
  }
  auto answer = std::make_shared<http::Responder>(std::move(responder));
  const std::string json(request.body);
  const std::vector<events::NewRecord> records = {events::Definition{"event_type", name, json}};
  if (const Status status = events::CheckRecord(records[0]); !status.ok()) {
    answer->Send(http::Problem(422, status));
    return;
  }
  context.store.log().Append(records, [answer, name, json](const Result<events::AppendResult>& result) {
    if (!result.ok()) {
      answer->Send(result.status());
      return;
    }
    JsonWriter w;
    w.BeginObject().Field("type", name).Key("declaration").Raw(json).EndObject();
    answer->Send(http::Json(w.Take()));
  });
}

}  // namespace

void AddEventRoutes(Operations& operations, Context& context) {
  operations.Add({.method = "POST",
                  .pattern = "/v1/events",
                  .tag = "events",
                  .summary = "Stores events; answers once they are durable. One object, an array, or NDJSON.",
                  .body = "Events",
                  .body_types = {"application/json", "application/x-ndjson"},
                  .answer = "IngestAnswer",
                  .others = {415, 422},
                  .query = {{"on_error", R"({"type":"string","enum":["refuse","skip"]})",
                             "skip stores the good lines and reports the bad ones"}}},
                 [&context](const http::Request& request, http::Responder responder) {
                   IngestBody(request, std::move(responder), context, BatchShape::kEvents);
                 });
  operations.Add({.method = "PUT",
                  .pattern = "/v1/event-types/{type}",
                  .tag = "events",
                  .summary = "Declares the properties of an event type.",
                  .body = "EventType",
                  .answer = "EventTypeAnswer",
                  .others = {422}},
                 [&context](const http::Request& request, http::Responder responder) {
                   PutEventType(request, std::move(responder), context);
                 });
  operations.Add({.method = "GET",
                  .pattern = "/v1/event-types/{type}",
                  .tag = "events",
                  .summary = "The declaration of an event type.",
                  .answer = "EventTypeAnswer",
                  .others = {404}},
                 [&context](const http::Request& request, http::Responder responder) {
                   const std::string json = context.store.types().Get(request.params[0]);
                   if (json.empty()) {
                     responder.Send(Status::NotFound(fmt::format("event type \"{}\" is not declared", request.params[0])));
                     return;
                   }
                   JsonWriter w;
                   w.BeginObject().Field("type", request.params[0]).Key("declaration").Raw(json).EndObject();
                   responder.Send(http::Json(w.Take()));
                 });
}

}  // namespace hoego::native
