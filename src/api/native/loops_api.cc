// /v1/loops, /v1/retrospectives, and progress as server-sent events.
#include <memory>

#include "api/native/native.h"
#include "api/native/subscription.h"
#include "base/text.h"

namespace hoego::native {
namespace {

void WriteLoop(JsonWriter& w, const loop::LoopView& v) {
  w.BeginObject().Field("name", v.name).Field("endpoint", v.endpoint).Field("state", v.state).Field("cycle", v.cycle);
  w.Field("step", v.step).Field("share", v.share).Field("what", v.what).Field("failures", v.failures);
  w.Field("error", v.error).Field("file", v.text).EndObject();
}

void ListLoops(Context& context, http::Responder responder) {
  JsonWriter w;
  w.BeginObject().Key("loops").BeginArray();
  for (const auto& v : context.loops.List()) {
    WriteLoop(w, v);
  }
  responder.Send(http::Json(w.EndArray().EndObject().Take()));
}

// The body is {"file": "<yaml>"}, or the YAML itself with a content type that says so.
Result<std::string> LoopText(const http::Request& request) {
  const std::string_view type = request.header("Content-Type");
  if (type.find("yaml") != std::string_view::npos) {
    return std::string(request.body);
  }
  thread_local JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(request.body));
  if (!root.is_object()) {
    return Status::InvalidArgument(fmt::format("expected an object {{\"file\":\"…\"}}, got {}", root.kind_name()));
  }
  return root.RequireString("file");
}

void PutLoop(Context& context, const http::Request& request, http::Responder responder) {
  auto text = LoopText(request);
  if (!text.ok()) {
    responder.Send(http::Problem(422, text.status()));
    return;
  }
  AnswerLater(context, std::move(responder), [&context, text = *text] {
    auto read = loop::ParseLoopFile(text);
    Status endpoint = read.ok() ? serving::CheckEndpointName(read->endpoint) : read.status();
    if (endpoint.ok() && context.registry.GetModel(read->endpoint).ok()) {
      endpoint = Status::InvalidArgument(
          fmt::format("endpoint: \"{}\" is a registered model, an endpoint needs another name", read->endpoint));
    }
    if (!endpoint.ok()) {
      return http::Problem(422, endpoint);
    }
    auto file = context.loops.Put(text);
    if (!file.ok()) {
      return file.status().code() == Code::kInvalidArgument ? http::Problem(422, file.status()) : http::Problem(file.status());
    }
    auto view = context.loops.Get(file->name);
    if (!view.ok()) {
      return http::Problem(view.status());
    }
    JsonWriter w;
    WriteLoop(w, *view);
    return http::Json(w.Take());
  });
}

void RunLoop(Context& context, const http::Request& request, http::Responder responder) {
  auto cycle = context.loops.Run(request.params[0]);
  if (!cycle.ok()) {
    responder.Send(cycle.status().code() == Code::kFailedPrecondition ? http::Problem(409, cycle.status())
                                                                      : http::Problem(cycle.status()));
    return;
  }
  JsonWriter w;
  w.BeginObject().Field("loop", request.params[0]).Field("cycle", *cycle).EndObject();
  responder.Send(http::Json(w.Take(), 202));
}

void ListRetrospectives(Context& context, http::Responder responder) {
  JsonWriter w;
  w.BeginObject().Key("retrospectives").BeginArray();
  for (const auto& v : context.loops.Retrospectives()) {
    w.BeginObject().Field("id", v.id).Field("loop", v.loop).Field("cycle", v.cycle).Field("summary", v.summary);
    w.Field("finished", FormatTime(v.finished)).EndObject();
  }
  responder.Send(http::Json(w.EndArray().EndObject().Take()));
}

void Stream(Context& context, http::Responder responder) {
  std::shared_ptr<http::EventStream> stream = responder.StartEventStream();
  if (!stream) {
    return;
  }
  // The subscription owns the stream and ends with it.
  const auto held = std::make_shared<Subscription>();
  held->Keep(context.loops.Subscribe([stream, held](const loop::Progress& p) {
    JsonWriter w;
    w.BeginObject().Field("loop", p.loop).Field("cycle", p.cycle).Field("step", p.step).Field("share", p.share);
    w.Field("what", p.what).EndObject();
    if (!stream->Send("progress", w.text())) {
      held->End();
    }
  }));
  stream->OnEnd([held] { held->End(); });
}

}  // namespace

void AddLoopRoutes(Operations& operations, Context& context) {
  operations.Add({.method = "GET", .pattern = "/v1/loops", .tag = "loops", .summary = "Every loop and how it stands.",
                  .answer = "Loops"},
                 [&context](const http::Request&, http::Responder a) { ListLoops(context, std::move(a)); });
  operations.Add({.method = "POST", .pattern = "/v1/loops", .tag = "loops", .summary = "Keeps a loop file under its name.",
                  .body = "LoopFile", .answer = "LoopAnswer", .others = {409, 422}},
                 [&context](const http::Request& r, http::Responder a) { PutLoop(context, r, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/loops/{loop}", .tag = "loops", .summary = "A loop.", .answer = "LoopAnswer",
                  .others = {404}},
                 [&context](const http::Request& r, http::Responder a) {
                   auto view = context.loops.Get(r.params[0]);
                   if (!view.ok()) {
                     a.Send(view.status());
                     return;
                   }
                   JsonWriter w;
                   WriteLoop(w, *view);
                   a.Send(http::Json(w.Take()));
                 });
  operations.Add({.method = "POST", .pattern = "/v1/loops/{loop}:run", .tag = "loops", .summary = "Begins the next cycle.",
                  .answer = "CycleStarted", .others = {404, 409}, .ok = 202},
                 [&context](const http::Request& r, http::Responder a) { RunLoop(context, r, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/retrospectives", .tag = "loops", .summary = "Retrospectives, newest first.",
                  .answer = "Retrospectives"},
                 [&context](const http::Request&, http::Responder a) { ListRetrospectives(context, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/retrospectives/{id}", .tag = "loops", .summary = "A retrospective.",
                  .answer = "Retrospective", .others = {404}},
                 [&context](const http::Request& r, http::Responder a) {
                   auto json = context.loops.RetrospectiveJson(r.params[0]);
                   a.Send(json.ok() ? http::Json(*json) : http::Problem(json.status()));
                 });
  operations.Add({.method = "GET", .pattern = "/v1/stream", .tag = "loops", .summary = "Progress as server-sent events.",
                  .answer_type = "text/event-stream"},
                 [&context](const http::Request&, http::Responder a) { Stream(context, std::move(a)); });
}

}  // namespace hoego::native
