// /v1/endpoints: definitions, recommend, similar, explain; /v1/decisions.
#include <memory>

#include "api/native/native.h"
#include "base/text.h"

namespace hoego::native {
namespace {

std::string EndpointJson(const serving::Endpoint& e) {
  JsonWriter w;
  w.BeginObject().Field("endpoint", e.name).Field("route_revision", e.revision).Key("definition").Raw(e.json);
  return w.EndObject().Take();
}

void PutEndpoint(Context& context, const http::Request& request, http::Responder responder) {
  AnswerLater(context, std::move(responder), [&context, name = request.params[0], json = std::string(request.body)] {
    auto revision = context.deployment.PutEndpoint(name, json);
    if (!revision.ok()) {
      return revision.status().code() == Code::kInvalidArgument ? http::Problem(422, revision.status())
                                                                : http::Problem(revision.status());
    }
    auto endpoint = context.endpoints.Get(name);
    return endpoint.ok() ? http::Json(EndpointJson(**endpoint)) : http::Problem(endpoint.status());
  });
}

// Fields of the body that name unknown things are errors; the parser's views live as long as the request's answer needs them.
struct RecommendBody {
  serving::RecommendRequest request;
  std::string context;
};

Status ReadStrings(JsonRef value, std::string_view key, std::vector<std::string_view>& to) {
  if (value.is_null()) {
    return {};
  }
  if (!value.is_array()) {
    return Status::InvalidArgument(fmt::format("{}: expected an array of strings, got {}", key, value.kind_name()));
  }
  to.reserve(value.size());
  return value.ForEachElement([&to, key](JsonRef e) -> Status {
    const auto text = e.AsString();
    if (!text) {
      return Status::InvalidArgument(fmt::format("{}: expected strings, got {}", key, e.kind_name()));
    }
    to.push_back(*text);
    return {};
  });
}

Status ReadText(JsonRef value, std::string_view key, std::string_view& to) {
  const auto text = value.AsString();
  if (!text && !value.is_null()) {
    return Status::InvalidArgument(fmt::format("{}: expected a string, got {}", key, value.kind_name()));
  }
  to = text.value_or("");
  return {};
}

Status ReadFilter(JsonRef value, serving::RecommendRequest& to) {
  return value.ForEachField([&to](std::string_view key, JsonRef v) -> Status {
    return key == "categories" ? ReadStrings(v, "filter.categories", to.categories)
                               : Status::InvalidArgument(fmt::format("filter: unknown field \"{}\"; known: categories", key));
  });
}

Status ReadField(RecommendBody& body, std::string_view key, JsonRef value) {
  static const std::vector<std::string> kKnown = {"unit", "n", "exclude", "candidates", "filter", "context", "page"};
  serving::RecommendRequest& r = body.request;
  if (key == "unit") {
    return ReadText(value, key, r.unit);
  }
  if (key == "n") {
    const auto n = value.AsInt();
    if (!n || *n < 1 || *n > 1000) {
      return Status::InvalidArgument("n: expected a whole number from 1 to 1000");
    }
    r.n = static_cast<uint32_t>(*n);
    return {};
  }
  if (key == "exclude") {
    return ReadStrings(value, key, r.exclude);
  }
  if (key == "candidates") {
    return ReadStrings(value, key, r.candidates);
  }
  if (key == "page") {
    return ReadText(value, key, r.page);
  }
  if (key == "filter" || key == "context") {
    if (!value.is_object() && !value.is_null()) {
      return Status::InvalidArgument(fmt::format("{}: expected an object, got {}", key, value.kind_name()));
    }
    if (key == "filter" && value.is_object()) {
      return ReadFilter(value, r);
    }
    if (value.is_object()) {
      body.context = value.ToText();
      r.context = body.context;
    }
    return {};
  }
  const auto near = NearestName(key, kKnown);
  return Status::InvalidArgument(fmt::format("unknown field \"{}\"{}; known: {}", key.substr(0, 60),
                                             near ? fmt::format("; did you mean \"{}\"?", *near) : "",
                                             fmt::join(kKnown, ", ")));
}

std::string AnswerJson(const serving::RecommendAnswer& a) {
  JsonWriter w;
  w.Reserve(256 + 80 * a.items.size());
  w.BeginObject().Field("decision_id", a.decision_id.ToString()).Field("endpoint", a.endpoint);
  w.Field("route_revision", a.route_revision).Field("model", a.model).Field("version", a.version).Field("arm", a.arm);
  w.Key("items").BeginArray();
  for (const auto& item : a.items) {
    w.BeginObject().Field("item", item.item).Key("score").Float(item.score).Field("position", item.position);
    w.Key("propensity").Float(item.propensity).EndObject();
  }
  w.EndArray().Field("fallback", a.fallback).Field("logged", a.logged);
  if (a.fallback) {
    w.Field("fallback_reason", a.fallback_reason);
  }
  if (!a.page.empty()) {
    w.Field("page", a.page);
  }
  return w.EndObject().Take();
}

void SendRecommendProblem(http::Responder& responder, const Status& status) {
  responder.Send(status.code() == Code::kInvalidArgument ? http::Problem(422, status) : http::Problem(status));
}

void Recommend(Context& context, const http::Request& request, http::Responder responder) {
  thread_local JsonParser parser;
  RecommendBody body;
  body.request.arrived = context.clock.Monotonic();
  auto root = parser.Parse(request.body);
  RecommendBody* const b = &body;
  Status status = root.ok() ? root->ForEachField([b](std::string_view key, JsonRef value) { return ReadField(*b, key, value); })
                            : root.status();
  if (const auto deadline = request.header("X-Hoego-Deadline-Ms"); !deadline.empty() && status.ok()) {
    const auto ms = ParseDouble(deadline);
    if (!ms || *ms <= 0 || *ms > 600'000) {
      status = Status::InvalidArgument("X-Hoego-Deadline-Ms: expected milliseconds above 0");
    } else {
      body.request.deadline = std::chrono::milliseconds(static_cast<int64_t>(*ms));
    }
  }
  if (!status.ok()) {
    SendRecommendProblem(responder, status);
    return;
  }
  body.request.endpoint = request.params[0];
  if (body.request.unit.empty()) {
    body.request.unit = request.header("X-Hoego-Unit");
  }
  auto answer = std::make_shared<http::Responder>(std::move(responder));
  context.serving.Recommend(body.request, [answer](Result<serving::RecommendAnswer> result) {
    if (result.ok()) {
      answer->Send(http::Json(AnswerJson(*result)));
    } else {
      SendRecommendProblem(*answer, result.status());
    }
  });
}

void Similar(Context& context, const http::Request& request, http::Responder responder) {
  thread_local JsonParser parser;
  auto root = parser.Parse(request.body);
  if (!root.ok() || !root->is_object()) {
    responder.Send(http::Problem(422, root.ok() ? Status::InvalidArgument("expected an object") : root.status()));
    return;
  }
  const auto item = root->RequireString("item");
  const auto n = root->IntOr("n", 10);
  if (!item.ok() || !n.ok() || *n < 1 || *n > 1000) {
    responder.Send(http::Problem(422, !item.ok()  ? item.status()
                                      : !n.ok() ? n.status()
                                                : Status::InvalidArgument("n: expected a whole number from 1 to 1000")));
    return;
  }
  auto similar = context.serving.Similar(request.params[0], *item, static_cast<uint32_t>(*n));
  if (!similar.ok()) {
    SendRecommendProblem(responder, similar.status());
    return;
  }
  JsonWriter w;
  w.BeginObject().Field("model", similar->model).Field("version", similar->version).Key("items").BeginArray();
  for (const auto& i : similar->items) {
    w.BeginObject().Field("item", i.item).Key("score").Float(i.score).EndObject();
  }
  responder.Send(http::Json(w.EndArray().EndObject().Take()));
}

void Explain(Context& context, const http::Request& request, http::Responder responder) {
  thread_local JsonParser parser;
  auto root = parser.Parse(request.body);
  if (!root.ok() || !root->is_object()) {
    responder.Send(http::Problem(422, root.ok() ? Status::InvalidArgument("expected an object") : root.status()));
    return;
  }
  const auto unit = root->RequireString("unit");
  const auto item = root->RequireString("item");
  if (!unit.ok() || !item.ok()) {
    responder.Send(http::Problem(422, unit.ok() ? item.status() : unit.status()));
    return;
  }
  auto why = context.serving.Explain(request.params[0], *unit, *item);
  if (!why.ok()) {
    SendRecommendProblem(responder, why.status());
    return;
  }
  JsonWriter w;
  w.BeginObject().Field("model", why->model).Field("version", why->version).Field("score", why->score);
  w.Key("contributions").BeginArray();
  for (const auto& c : why->contributions) {
    w.BeginObject().Field("item", c.item).Field("value", c.value).EndObject();
  }
  w.EndArray().Field("rest", why->rest).EndObject();
  responder.Send(http::Json(w.Take()));
}

void GetDecision(Context& context, const http::Request& request, http::Responder responder) {
  const auto id = Uuid::Parse(request.params[0]);
  const auto record = id ? context.store.FindDecision(*id) : nullptr;
  if (!record) {
    responder.Send(Status::NotFound(id ? "no such decision among the remembered ids"
                                       : "a decision id is a UUID such as 0190163d-8694-739b-aea5-966c26f8ad91"));
    return;
  }
  const events::DecisionView& d = record->decision;
  JsonWriter w;
  w.BeginObject().Field("decision_id", d.id.ToString()).Field("time", FormatTime(record->time)).Field("endpoint", d.endpoint);
  w.Key("unit");
  if (const auto unit = context.store.UnitId(record->unit)) {
    w.String(*unit);
  } else {
    w.Null();
  }
  w.Field("route_revision", d.route_revision).Field("test", d.test).Field("arm", d.arm);
  w.Field("arm_probability", d.arm_probability).Field("model", d.model).Field("version", d.version);
  w.Field("candidates", d.candidates).Field("latency_us", d.latency_us).Field("fallback", d.fallback);
  w.Field("cut", record->at.ToString()).Key("items").BeginArray();
  uint32_t position = 0;
  for (const auto& item : d.items) {
    w.BeginObject().Field("item", context.store.ItemId(item.item)).Key("score").Float(item.score);
    w.Field("position", ++position).Key("propensity").Float(item.propensity).EndObject();
  }
  w.EndArray().Key("lineage");
  const auto version = context.registry.GetVersion(d.model, d.version);
  if (version.ok()) {
    w.BeginObject().Field("run", version->run_id).Field("dataset", version->dataset_digest);
    w.Field("from_cut", version->from_cut).Field("to_cut", version->to_cut).EndObject();
  } else {
    w.Null();
  }
  responder.Send(http::Json(w.EndObject().Take()));
}

}  // namespace

void AddEndpointRoutes(Operations& operations, Context& context) {
  const auto add = [&](Operation operation, void (*handler)(Context&, const http::Request&, http::Responder)) {
    operations.Add(std::move(operation),
                   [&context, handler](const http::Request& r, http::Responder a) { handler(context, r, std::move(a)); });
  };
  operations.Add({.method = "GET", .pattern = "/v1/endpoints", .tag = "endpoints", .summary = "Every endpoint.",
                  .answer = "Endpoints"},
                 [&context](const http::Request&, http::Responder a) {
                   std::string body = "{\"endpoints\":[";
                   const char* comma = "";
                   for (const auto& e : context.endpoints.List()) {
                     body += comma + EndpointJson(*e);
                     comma = ",";
                   }
                   a.Send(http::Json(body + "]}"));
                 });
  add({.method = "PUT", .pattern = "/v1/endpoints/{endpoint}", .tag = "endpoints", .summary = "Makes or changes an endpoint.",
       .body = "Endpoint", .answer = "EndpointAnswer", .others = {409, 422}},
      PutEndpoint);
  add({.method = "GET", .pattern = "/v1/endpoints/{endpoint}", .tag = "endpoints", .summary = "An endpoint.",
       .answer = "EndpointAnswer", .others = {404}},
      [](Context& c, const http::Request& r, http::Responder a) {
        auto endpoint = c.endpoints.Get(r.params[0]);
        a.Send(endpoint.ok() ? http::Json(EndpointJson(**endpoint)) : http::Problem(endpoint.status()));
      });
  add({.method = "DELETE", .pattern = "/v1/endpoints/{endpoint}", .tag = "endpoints", .summary = "Removes an endpoint.",
       .others = {404, 409}, .ok = 204},
      [](Context& c, const http::Request& r, http::Responder a) {
        AnswerLater(c, std::move(a), [&c, name = r.params[0]] {
          for (const abtest::TestDefinition& test : c.tests.List()) {
            if (test.plan.endpoint == name && test.state == abtest::TestState::kRunning) {
              return http::Problem(Status::FailedPrecondition(
                  fmt::format("test \"{}\" runs on endpoint \"{}\": stop it first", test.plan.name, name)));
            }
          }
          const Status status = c.endpoints.Remove(name);
          return status.ok() ? http::Response{204, "", "", {}} : http::Problem(status);
        });
      });
  add({.method = "POST", .pattern = "/v1/endpoints/{endpoint}:recommend", .tag = "endpoints",
       .summary = "The best items for a unit, by the version its route picks; the answer is a decision in the log.",
       .body = "RecommendRequest", .answer = "Recommendation", .others = {404, 422}},
      Recommend);
  add({.method = "POST", .pattern = "/v1/endpoints/{endpoint}:similar", .tag = "endpoints", .summary = "Items near an item.",
       .body = "SimilarRequest", .answer = "Similar", .others = {404, 409, 422}},
      Similar);
  add({.method = "POST", .pattern = "/v1/endpoints/{endpoint}:explain", .tag = "endpoints",
       .summary = "Why an item scores what it does; contributions and rest sum to the score.", .body = "ExplainRequest",
       .answer = "Explanation", .others = {404, 409, 422}},
      Explain);
  add({.method = "GET", .pattern = "/v1/decisions/{decision}", .tag = "endpoints",
       .summary = "A decision with its lineage: version, run, dataset, cuts.", .answer = "Decision", .others = {404}},
      GetDecision);
}

}  // namespace hoego::native
