// /v1/tests, /v1/assign and the stateless calculators.
#include "abtest/calculators.h"
#include "api/native/native.h"

namespace hoego::native {
namespace {

std::string TestJson(const abtest::TestDefinition& t) {
  JsonWriter w;
  w.BeginObject().Field("name", t.plan.name).Field("endpoint", t.plan.endpoint).Field("state", abtest::StateName(t.state));
  w.Field("reason", t.reason).Field("changed", FormatTime(t.changed)).Key("plan").Raw(abtest::PlanJson(t.plan));
  return w.EndObject().Take();
}

http::Response Answer(const Result<abtest::TestDefinition>& test) {
  if (test.ok()) {
    return http::Json(TestJson(*test));
  }
  switch (test.status().code()) {
    case Code::kInvalidArgument:
    case Code::kUnimplemented:
      return http::Problem(422, test.status());
    case Code::kFailedPrecondition:
      return http::Problem(409, test.status());
    default:
      return http::Problem(test.status());
  }
}

void PostTest(Context& context, const http::Request& request, http::Responder responder) {
  auto plan = abtest::ParsePlan(request.body);
  if (!plan.ok()) {
    responder.Send(http::Problem(422, plan.status()));
    return;
  }
  AnswerLater(context, std::move(responder), [&context, plan = *plan] { return Answer(context.test_control.Create(plan)); });
}

enum class Verb { kStart, kStop, kShip };

// The body may be empty or {"reason":"…"}.
Result<std::string> ReadReason(std::string_view body) {
  if (body.empty()) {
    return std::string();
  }
  thread_local JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(body));
  if (!root.is_object()) {
    return Status::InvalidArgument(fmt::format("expected an object such as {{\"reason\":\"…\"}}, got {}", root.kind_name()));
  }
  return root.StringOr("reason", "");
}

void Do(Context& context, const http::Request& request, http::Responder responder, Verb verb) {
  auto reason = ReadReason(request.body);
  if (!reason.ok()) {
    responder.Send(http::Problem(422, reason.status()));
    return;
  }
  AnswerLater(context, std::move(responder), [&context, name = request.params[0], reason = *reason, verb, who = std::string(request.remote)] {
    switch (verb) {
      case Verb::kStart: return Answer(context.test_control.Start(name));
      case Verb::kStop: return Answer(context.test_control.Stop(name, reason));
      case Verb::kShip: return Answer(context.test_control.Ship(name, reason, who));
    }
    return http::Problem(Status::Internal("unknown verb"));
  });
}

void ListTests(Context& context, http::Responder responder) {
  std::string body = "{\"tests\":[";
  const char* comma = "";
  for (const auto& t : context.tests.List()) {
    body += comma + TestJson(t);
    comma = ",";
  }
  responder.Send(http::Json(body + "]}"));
}

void AddCalculators(Operations& operations) {
  for (const std::string_view path : {"/v1/statistics:effect", "/v1/statistics:srm", "/v1/statistics:adjust",
                                      "/v1/statistics:power", "/v1/statistics:bandit_weights", "/v1/assign"}) {
    operations.Add({.method = "POST", .pattern = path, .tag = "statistics", .summary = "A stateless calculation.",
                    .body = path == "/v1/assign" ? "AssignRequest" : "Calculation",
                    .answer = path == "/v1/assign" ? "Assignment" : "Calculation", .others = {422}},
                   [path](const http::Request& request, http::Responder responder) {
                     auto result = abtest::Calculate(path, request.body);
                     responder.Send(result.ok() ? http::Json(*result) : http::Problem(422, result.status()));
                   });
  }
}

}  // namespace

void AddTestRoutes(Operations& operations, Context& context) {
  operations.Add({.method = "GET", .pattern = "/v1/tests", .tag = "tests", .summary = "Every test.", .answer = "Tests"},
                 [&context](const http::Request&, http::Responder a) { ListTests(context, std::move(a)); });
  operations.Add({.method = "POST", .pattern = "/v1/tests", .tag = "tests", .summary = "Writes a test's plan down.",
                  .body = "Test", .answer = "TestAnswer", .others = {404, 409, 422}},
                 [&context](const http::Request& r, http::Responder a) { PostTest(context, r, std::move(a)); });
  operations.Add({.method = "GET", .pattern = "/v1/tests/{test}", .tag = "tests", .summary = "A test.", .answer = "TestAnswer",
                  .others = {404}},
                 [&context](const http::Request& r, http::Responder a) { a.Send(Answer(context.tests.Get(r.params[0]))); });
  const auto verb = [&](std::string_view pattern, std::string_view summary, Verb v) {
    operations.Add({.method = "POST", .pattern = pattern, .tag = "tests", .summary = summary, .answer = "TestAnswer",
                    .others = {404, 409, 422}},
                   [&context, v](const http::Request& r, http::Responder a) { Do(context, r, std::move(a), v); });
  };
  verb("/v1/tests/{test}:start", "Starts it: from now on it assigns units.", Verb::kStart);
  verb("/v1/tests/{test}:stop", "Stops it: its figures are final.", Verb::kStop);
  verb("/v1/tests/{test}:ship", "Moves the endpoint's alias to the winner and closes the test.", Verb::kShip);
  operations.Add({.method = "GET", .pattern = "/v1/tests/{test}/verdict", .tag = "tests",
                  .summary = "What the test says, with its evidence, at a cut.", .answer = "Verdict", .others = {404}},
                 [&context](const http::Request& r, http::Responder a) {
                   AnswerLater(context, std::move(a), [&context, name = r.params[0]] {
                     auto verdict = context.tests.ComputeVerdict(name);
                     return verdict.ok() ? http::Json(abtest::VerdictJson(*verdict)) : http::Problem(verdict.status());
                   });
                 });
  AddCalculators(operations);
}

}  // namespace hoego::native
