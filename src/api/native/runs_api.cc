// /v1/runs: what was tried. Progress of a running training comes as server-sent events.
#include "api/native/native.h"
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
