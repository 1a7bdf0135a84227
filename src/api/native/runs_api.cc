// /v1/runs: what was tried. Progress of a running training comes as server-sent events.
#include <memory>

#include "api/native/native.h"
#include "api/native/subscription.h"
#include "base/text.h"

namespace hoego::native {
namespace {

void WriteRun(JsonWriter& w, const tracking::Run& run) {
  w.BeginObject().Field("id", run.id).Field("name", run.name).Field("experiment", run.experiment_id);
  w.Field("status", tracking::RunStatusName(run.status)).Field("start", FormatTime(run.start)).Key("end");
  if (run.end) {
    w.String(FormatTime(*run.end));
  } else {
    w.Null();
  }
  w.Key("params").BeginObject();
  for (const auto& [k, v] : run.params) {
    w.Field(k, v);
  }
  w.EndObject().Key("metrics").BeginObject();
  for (const auto& m : run.latest) {
    w.Field(m.key, m.value);
  }
  w.EndObject().Key("tags").BeginObject();
  for (const auto& [k, v] : run.tags) {
    w.Field(k, v);
  }
  w.EndObject().EndObject();
}

Result<size_t> Bounded(const http::Request& request, std::string_view name, int64_t fallback, int64_t most) {
  const auto text = request.query(name);
  if (!text) {
    return static_cast<size_t>(fallback);
  }
  const auto value = ParseInt(*text);
  if (!value || *value < 0 || *value > most) {
    return Status::InvalidArgument(fmt::format("{}: expected a whole number from 0 to {}", name, most));
  }
  return static_cast<size_t>(*value);
}

void ListRuns(Context& context, const http::Request& request, http::Responder responder) {
  const auto most = Bounded(request, "n", 100, 1000);
  const auto offset = Bounded(request, "offset", 0, 1'000'000'000);
  if (!most.ok() || !offset.ok()) {
    responder.Send(most.ok() ? offset.status() : most.status());
    return;
  }
  const std::string experiment = request.query("experiment").value_or("");
  AnswerLater(context, std::move(responder), [&context, experiment, n = *most, skip = *offset] {
    auto runs = context.tracking.ListRuns(experiment, n, skip);
    if (!runs.ok()) {
      return http::Problem(runs.status());
    }
    JsonWriter w;
    w.BeginObject().Key("runs").BeginArray();
    for (const auto& run : *runs) {
      WriteRun(w, run);
    }
    return http::Json(w.EndArray().EndObject().Take());
  });
}

// Returns false when the stream takes no more.
bool SendWord(http::EventStream& stream, const tracking::RunWord& word) {
  JsonWriter w;
  w.BeginObject();
  switch (word.kind) {
    case tracking::RunWord::Kind::kProgress:
      return stream.Send("progress", w.Field("share", word.share).Field("what", word.text).EndObject().Take());
    case tracking::RunWord::Kind::kMetric:
      return stream.Send("metric", w.Field("key", word.text).Field("value", word.value).Field("step", word.step).EndObject().Take());
    case tracking::RunWord::Kind::kEnd:
      return stream.Send("end", w.Field("status", word.text).EndObject().Take()) && false;
  }
  return false;
}

// Progress and metrics of a run until its end; of one that has ended, its end alone.
void Watch(Context& context, const std::string& id, http::Responder responder) {
  const auto found = context.tracking.GetRun(id);
  if (!found.ok()) {
    responder.Send(found.status());
    return;
  }
  const std::shared_ptr<http::EventStream> stream = responder.StartEventStream();
  if (!stream) {
    return;
  }
  // The watch owns the stream and ends with it.
  const auto held = std::make_shared<Subscription>();
  held->Keep(context.watch.Watch(id, [stream, held](const tracking::RunWord& word) {
    if (!SendWord(*stream, word)) {
      stream->Close();
      held->End();
    }
  }));
  stream->OnEnd([held] { held->End(); });
  // It may have ended before it was watched.
  if (const auto run = context.tracking.GetRun(id); run.ok() && run->end) {
    SendWord(*stream, {tracking::RunWord::Kind::kEnd, 1, std::string(tracking::RunStatusName(run->status))});
    stream->Close();
    held->End();
  }
}

}  // namespace

void AddRunRoutes(Operations& operations, Context& context) {
  operations.Add({.method = "GET",
                  .pattern = "/v1/runs",
                  .tag = "runs",
                  .summary = "Runs, newest first; of one experiment or of all.",
                  .answer = "Runs",
                  .others = {404},
                  .query = {{"experiment", R"({"type":"string"})", "an experiment's id"},
                            {"n", R"({"type":"integer","minimum":0,"maximum":1000})", "at most so many"},
                            {"offset", R"({"type":"integer","minimum":0})", "after so many"}}},
                 [&context](const http::Request& r, http::Responder a) { ListRuns(context, r, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/runs/{run}/progress", .tag = "runs",
                  .summary = "Progress and metrics of a run as server-sent events, until its end.",
                  .answer_type = "text/event-stream", .others = {404}},
                 [&context](const http::Request& request, http::Responder responder) {
                   // Shared, since a std::function must be copyable.
                   auto answer = std::make_shared<http::Responder>(std::move(responder));
                   context.workers.Submit([&context, answer, id = request.params[0]] { Watch(context, id, std::move(*answer)); });
                 });
  operations.Add({.method = "GET", .pattern = "/v1/runs/{run}", .tag = "runs", .summary = "A run.", .answer = "Run",
                  .others = {404}},
                 [&context](const http::Request& request, http::Responder responder) {
                   AnswerLater(context, std::move(responder), [&context, id = request.params[0]] {
                     auto run = context.tracking.GetRun(id);
                     if (!run.ok()) {
                       return http::Problem(run.status());
                     }
                     JsonWriter w;
                     WriteRun(w, *run);
                     return http::Json(w.Take());
                   });
                 });
}

}  // namespace hoego::native
