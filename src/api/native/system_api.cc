// /health, /version, /metrics, /openapi.json, /v1/version, /v1/settings and the answers to unknown paths.
#include <memory>

#include "api/native/native.h"

namespace hoego::native {
namespace {

// The MLflow version that we speak, until OTLP traces work (wire.md).
constexpr std::string_view kMlflowVersion = "3.3.0";

void AddFallbacks(http::Router& router) {
  router.AddFallback("/", [](const http::Request& request, http::Responder responder) {
    if (request.allow.empty()) {
      responder.Send(Status::NotFound("no such path; see /openapi.json"));
    } else {
      responder.Send(http::Problem(405, Status::Unimplemented(fmt::format("expected one of {}", request.allow))));
    }
  });
}

}  // namespace

void AddSystemRoutes(Operations& operations, http::Router& router, Context& context) {
  router.Add("GET", "/health", [&context](const http::Request&, http::Responder responder) {
    const bool ok = context.ready.load();
    responder.Send(http::Text(ok ? "OK" : "not ready", ok ? 200 : 503));
  }, {.open = true});
  router.Add("GET", "/version", [](const http::Request&, http::Responder responder) {
    responder.Send(http::Text(std::string(kMlflowVersion)));
  }, {.open = true});
  router.Add("GET", "/metrics", [&context](const http::Request&, http::Responder responder) {
    responder.Send({200, "text/plain; version=0.0.4; charset=utf-8", context.metrics.PrometheusText(), {}});
  });
  operations.Add({.method = "GET", .pattern = "/v1/version", .tag = "system", .summary = "The program's version.",
                  .answer = "Version"},
                 [&context](const http::Request&, http::Responder responder) {
                   JsonWriter w;
                   w.BeginObject().Field("name", "hoego").Field("version", context.version);
                   w.Field("healthy", context.store.log().health().ok());
                   w.Field("cause", context.store.log().health().message()).EndObject();
                   responder.Send(http::Json(w.Take()));
                 });
  operations.Add({.method = "GET", .pattern = "/v1/settings", .tag = "system", .summary = "Every setting with its value.",
                  .answer = "Settings"},
                 [&context](const http::Request&, http::Responder responder) {
                   JsonWriter w;
                   w.BeginObject().Key("settings");
                   context.settings.WriteJson(w);
                   responder.Send(http::Json(w.EndObject().Take()));
                 });
  AddFallbacks(router);
  const auto document = std::make_shared<const std::string>(operations.OpenApi(context.version));
  router.Add("GET", "/openapi.json", [document](const http::Request&, http::Responder responder) {
    responder.Send(http::Json(*document));
  }, {.open = true});
}

}  // namespace hoego::native
