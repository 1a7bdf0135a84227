// /v1/registry: models, versions, aliases and their history. Moving an alias is the act of deployment.
#include "api/native/native.h"
#include "base/text.h"

namespace hoego::native {
namespace {

void WriteVersion(JsonWriter& w, const registry::ModelVersion& v) {
  w.BeginObject().Field("model", v.model).Field("version", v.version).Field("source", v.source).Field("run", v.run_id);
  w.Field("description", v.description).Field("dataset", v.dataset_digest).Field("from_cut", v.from_cut);
  w.Field("to_cut", v.to_cut).Field("status", v.status).Field("created", FormatTime(v.created));
  w.Key("tags").BeginObject();
  for (const auto& [k, value] : v.tags) {
    w.Field(k, value);
  }
  w.EndObject().Key("metrics").BeginObject();
  for (const auto& [k, value] : v.metrics) {
    w.Field(k, value);
  }
  w.EndObject().EndObject();
}

void WriteModel(JsonWriter& w, const registry::RegisteredModel& m) {
  w.BeginObject().Field("name", m.name).Field("description", m.description).Field("newest_version", m.newest_version);
  w.Field("created", FormatTime(m.created)).Field("updated", FormatTime(m.updated)).Key("aliases").BeginObject();
  for (const auto& [alias, version] : m.aliases) {
    w.Field(alias, version);
  }
  w.EndObject().Key("tags").BeginObject();
  for (const auto& [k, value] : m.tags) {
    w.Field(k, value);
  }
  w.EndObject().EndObject();
}

void GetModels(Context& context, http::Responder responder) {
  JsonWriter w;
  w.BeginObject().Key("models").BeginArray();
  for (const auto& m : context.registry.ListModels()) {
    WriteModel(w, m);
  }
  w.EndArray().EndObject();
  responder.Send(http::Json(w.Take()));
}

void GetModel(Context& context, const http::Request& request, http::Responder responder) {
  auto model = context.registry.GetModel(request.params[0]);
  if (!model.ok()) {
    responder.Send(model.status());
    return;
  }
  JsonWriter w;
  w.BeginObject().Key("model");
  WriteModel(w, *model);
  w.Key("versions").BeginArray();
  for (const auto& v : context.registry.ListVersions(request.params[0])) {
    WriteVersion(w, v);
  }
  w.EndArray().EndObject();
  responder.Send(http::Json(w.Take()));
}

void GetHistory(Context& context, const http::Request& request, http::Responder responder) {
  auto history = context.registry.History(request.params[0]);
  if (!history.ok()) {
    responder.Send(history.status());
    return;
  }
  JsonWriter w;
  w.BeginObject().Field("model", request.params[0]).Key("history").BeginArray();
  for (const auto& move : *history) {
    w.BeginObject().Field("alias", move.alias).Field("version", move.version).Field("was", move.was);
    w.Field("reason", move.reason).Field("who", move.who).Field("when", FormatTime(move.when)).EndObject();
  }
  w.EndArray().EndObject();
  responder.Send(http::Json(w.Take()));
}

void GetAlias(Context& context, const http::Request& request, http::Responder responder) {
  auto model = context.registry.GetModel(request.params[0]);
  if (!model.ok()) {
    responder.Send(model.status());
    return;
  }
  const auto alias = model->aliases.find(request.params[1]);
  if (alias == model->aliases.end()) {
    responder.Send(Status::NotFound(fmt::format("model \"{}\" has no alias \"{}\"", request.params[0], request.params[1])));
    return;
  }
  JsonWriter w;
  w.BeginObject().Field("model", model->name).Field("alias", alias->first).Field("version", alias->second).EndObject();
  http::Response response = http::Json(w.Take());
  response.headers.emplace_back("ETag", fmt::format("\"{}\"", alias->second));
  responder.Send(std::move(response));
}

// "\"2\"" → 2; "*" is not taken: a compare-and-set names what it compares with.
Result<std::optional<uint32_t>> Expected(std::string_view if_match) {
  if (if_match.empty()) {
    return std::optional<uint32_t>();
  }
  std::string_view text = Trim(if_match);
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  const auto number = ParseInt(text);
  if (!number || *number < 0 || *number > UINT32_MAX) {
    return Status::InvalidArgument("If-Match: expected the version the alias points to now, such as \"2\" (0: none)");
  }
  return std::optional<uint32_t>(static_cast<uint32_t>(*number));
}

struct AliasBody {
  uint32_t version = 0;
  std::string reason;
};

Result<AliasBody> ReadAliasBody(std::string_view text) {
  thread_local JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(text));
  if (!root.is_object()) {
    return Status::InvalidArgument(fmt::format("expected an object such as {{\"version\":2}}, got {}", root.kind_name()));
  }
  AliasBody body;
  HOEGO_TRY_ASSIGN(const int64_t version, root.RequireInt("version"));
  HOEGO_TRY_ASSIGN(body.reason, root.StringOr("reason", ""));
  if (version < 1 || version > UINT32_MAX) {
    return Status::InvalidArgument("version: expected a whole number from 1");
  }
  body.version = static_cast<uint32_t>(version);
  return body;
}

void PutAlias(Context& context, const http::Request& request, http::Responder responder) {
  auto expected = Expected(request.header("If-Match"));
  if (!expected.ok()) {
    responder.Send(expected.status());
    return;
  }
  auto body = ReadAliasBody(request.body);
  if (!body.ok()) {
    responder.Send(http::Problem(422, body.status()));
    return;
  }
  AnswerLater(context, std::move(responder),
              [&context, model = request.params[0], alias = request.params[1], expected = *expected, body = *body,
               who = std::string(request.remote)] {
                auto move = context.deployment.MoveAlias(model, alias, body.version, expected, body.reason, who);
                if (!move.ok()) {
                  return move.status().code() == Code::kAborted ? http::Problem(412, move.status())
                                                                : http::Problem(move.status());
                }
                JsonWriter w;
                w.BeginObject().Field("version", move->version).Field("was", move->was).EndObject();
                http::Response response = http::Json(w.Take());
                response.headers.emplace_back("ETag", fmt::format("\"{}\"", move->version));
                return response;
              });
}

}  // namespace

void AddRegistryRoutes(Operations& operations, Context& context) {
  operations.Add({.method = "GET", .pattern = "/v1/registry/models", .tag = "registry", .summary = "All models.",
                  .answer = "Models"},
                 [&context](const http::Request&, http::Responder responder) { GetModels(context, std::move(responder)); });
  operations.Add({.method = "GET", .pattern = "/v1/registry/models/{model}", .tag = "registry",
                  .summary = "A model with its versions.", .answer = "ModelDetail", .others = {404}},
                 [&context](const http::Request& r, http::Responder a) { GetModel(context, r, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/registry/models/{model}/history", .tag = "registry",
                  .summary = "Every move of the model's aliases, oldest first.", .answer = "History", .others = {404}},
                 [&context](const http::Request& r, http::Responder a) { GetHistory(context, r, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/registry/models/{model}/aliases/{alias}", .tag = "registry",
                  .summary = "What an alias points to.", .answer = "Alias", .others = {404}},
                 [&context](const http::Request& r, http::Responder a) { GetAlias(context, r, std::move(a)); });
  operations.Add({.method = "PUT", .pattern = "/v1/registry/models/{model}/aliases/{alias}", .tag = "registry",
                  .summary = "Moves an alias; with If-Match only if it still points to that version.",
                  .body = "AliasMove", .answer = "AliasMoved", .others = {404, 409, 412, 422}},
                 [&context](const http::Request& r, http::Responder a) { PutAlias(context, r, std::move(a)); });
}

}  // namespace hoego::native
