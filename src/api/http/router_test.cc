#include "api/http/router.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

#include "base/text.h"

namespace hoego::http {
namespace {

Handler Says(std::string word) {
  return [word](const Request& request, Responder responder) {
    std::string body = word;
    for (const std::string& param : request.params) {
      body.append("|").append(param);
    }
    responder.Send(Text(body));
  };
}

Router Make() {
  Router router;
  router.Add("GET", "/", Says("root"));
  router.Add("GET", "/v1/items/{item}", Says("item"));
  router.Add("PUT", "/v1/items/{item}", Says("put item"));
  router.Add("GET", "/v1/items/special/x", Says("special"));
  router.Add("POST", "/v1/endpoints/{e}:recommend", Says("recommend"));
  router.Add("POST", "/v1/endpoints/{e}:page", Says("page"));
  router.Add("GET", "/v1/endpoints/{e}", Says("endpoint"));
  router.Add("POST", "/v1/statistics:effect", Says("effect"));
  router.Add("PUT", "/v1/registry/models/{m}/aliases/{a}", Says("alias"));
  router.Add("GET", "/ui/{path...}", Says("ui"));
  router.Add("GET", "/ui/app.css", Says("css"));
  return router;
}

std::string Get(const Router& router, std::string_view method, std::string_view target) {
  const Response response = CallInProcess(router, method, target);
  return response.status == 200 ? response.body : std::to_string(response.status);
}

TEST(RouterTest, FindsTheHandlerAndFillsThePlaceholders) {
  const Router router = Make();
  EXPECT_EQ(Get(router, "GET", "/"), "root");
  EXPECT_EQ(Get(router, "GET", "/v1/items/a%2Fb"), "item|a/b");
  EXPECT_EQ(Get(router, "PUT", "/v1/items/%EA%B0%80?x=1"), "put item|\xEA\xB0\x80");
  EXPECT_EQ(Get(router, "GET", "/v1/items/special/x"), "special");
  EXPECT_EQ(Get(router, "GET", "/v1/items/special"), "item|special");
  EXPECT_EQ(Get(router, "POST", "/v1/endpoints/home:recommend"), "recommend|home");
  EXPECT_EQ(Get(router, "POST", "/v1/endpoints/a:b:page"), "page|a:b");
  EXPECT_EQ(Get(router, "GET", "/v1/endpoints/a:b"), "endpoint|a:b");
  EXPECT_EQ(Get(router, "POST", "/v1/statistics:effect"), "effect");
  EXPECT_EQ(Get(router, "PUT", "/v1/registry/models/films/aliases/champion"),
            "alias|films|champion");
  EXPECT_EQ(Get(router, "GET", "/ui/"), "ui|");
  EXPECT_EQ(Get(router, "GET", "/ui"), "ui|");
  EXPECT_EQ(Get(router, "GET", "/ui/a/b.js"), "ui|a/b.js");
  EXPECT_EQ(Get(router, "GET", "/ui/app.css"), "css");
  EXPECT_EQ(Get(router, "HEAD", "/v1/items/x"), "item|x");
}

TEST(RouterTest, TellsAnUnknownPathFromAWrongMethod) {
  const Router router = Make();
  for (const char* path : {"/v1/items/", "/v1/items", "/v1/items/a/b", "/v2", "/v1/statistics:none",
                           "//", "/v1//items/x"}) {
    EXPECT_EQ(CallInProcess(router, "GET", path).status, 404) << path;
  }
  const Response wrong = CallInProcess(router, "DELETE", "/v1/items/x");
  EXPECT_EQ(wrong.status, 405);
  ASSERT_EQ(wrong.headers.size(), 1u);
  EXPECT_EQ(wrong.headers[0].second, "GET, HEAD, OPTIONS, PUT");
  const Response options = CallInProcess(router, "OPTIONS", "/v1/endpoints/x:recommend");
  EXPECT_EQ(CallInProcess(router, "POST", "/v1/endpoints/:recommend").status, 405);
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.headers[0].second, "OPTIONS, POST");
}

TEST(RouterTest, RefusesPathsThatClimbOrHideBytes) {
  const Router router = Make();
  for (const char* path :
       {"/ui/../secret", "/ui/%2e%2e/secret", "/ui/..%2fsecret", "/ui/.", "/ui/./x", "/v1/items/..",
        "/v1/items/a%00b", "/v1/items/%", "/v1/items/%g1", "v1", ""}) {
    EXPECT_EQ(CallInProcess(router, "GET", path).status, 400) << path;
  }
  EXPECT_EQ(Get(router, "GET", "/ui/a..b/.hidden"), "ui|a..b/.hidden");
}

TEST(RouterTest, AnswersUnknownPathsInTheDialectOfTheLongestPrefix) {
  Router router = Make();
  router.AddFallback("/v1", Says("v1"));
  router.AddFallback("/v1/models", [](const Request& request, Responder responder) {
    responder.Send(Text(request.allow.empty() ? "no such model path" : "wrong method", 418));
  });
  router.Add("POST", "/v1/models/x", Says("x"));
  EXPECT_EQ(Get(router, "GET", "/v1/none"), "v1");
  EXPECT_EQ(Get(router, "GET", "/v1none"), "404");
  EXPECT_EQ(CallInProcess(router, "GET", "/v1/models").body, "no such model path");
  EXPECT_EQ(Get(router, "GET", "/v1/modelsx"), "v1");
  const Response wrong = CallInProcess(router, "GET", "/v1/models/x");
  EXPECT_EQ(wrong.body, "wrong method");
  EXPECT_EQ(wrong.headers.at(0).second, "OPTIONS, POST");
}

TEST(RouterTest, AsksTheGateForEveryRequestAndTellsItWhatIsOpen) {
  Router router;
  router.Add("GET", "/health", Says("ok"), {0, true});
  router.Add("GET", "/v1/runs", Says("runs"));
  router.SetGate([](const Request&, const RouteInfo* route) -> std::optional<Response> {
    if (route != nullptr && route->options.open) {
      return std::nullopt;
    }
    return Problem(Status::Unauthenticated("a token is needed"));
  });
  EXPECT_EQ(Get(router, "GET", "/health"), "ok");
  EXPECT_EQ(Get(router, "GET", "/v1/runs"), "401");
  EXPECT_EQ(Get(router, "GET", "/none"), "401");
  EXPECT_EQ(router.routes().size(), 2u);
  EXPECT_TRUE(router.routes()[0].options.open);
}

TEST(RouterTest, AnswersADroppedResponderWith500) {
  Router router;
  router.Add("GET", "/drop", [](const Request&, Responder) {});
  EXPECT_EQ(CallInProcess(router, "GET", "/drop").status, 500);
}

// A twin without a tree: tries every pattern, segment by segment, and keeps the most literal one.
struct Pattern {
  std::vector<std::string> segments;
};

// 3 literal, 2 verb, 1 placeholder for each segment; empty when it does not fit.
std::string Rank(const Pattern& pattern, const std::vector<std::string_view>& path) {
  if (pattern.segments.size() != path.size()) {
    return {};
  }
  std::string rank;
  for (size_t i = 0; i < path.size(); ++i) {
    const std::string& want = pattern.segments[i];
    if (want == path[i]) {
      rank.push_back('3');
    } else if (want == "{x}:go" && path[i].size() > 3 && path[i].ends_with(":go")) {
      rank.push_back('2');
    } else if (want == "{x}" && !path[i].empty()) {
      rank.push_back('1');
    } else {
      return {};
    }
  }
  return rank;
}

RC_GTEST_PROP(RouterTest, AgreesWithTryingEveryPattern, ()) {
  const auto segment = rc::gen::element<std::string>("a", "b", "{x}", "{x}:go", "a:go");
  const auto patterns = *rc::gen::container<std::vector<std::vector<std::string>>>(
      rc::gen::resize(4, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(segment))));
  Router router;
  std::map<std::string, Pattern> table;
  for (const auto& segments : patterns) {
    std::string text;
    for (const std::string& s : segments) {
      text.append("/").append(s);
    }
    if (table.emplace(text, Pattern{segments}).second) {
      router.Add("GET", text, Says(text));
    }
  }
  const auto path_segment = rc::gen::element<std::string>("a", "b", "c", "a:go", "c:go", ":go", "");
  const auto path = *rc::gen::resize(
      4, rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(path_segment)));
  std::string target;
  for (const std::string& s : path) {
    target.append("/").append(s);
  }
  std::string best;
  std::string expected = "(unmatched)";
  for (const auto& [text, pattern] : table) {
    const std::string rank = Rank(pattern, Split(std::string_view(target).substr(1), '/'));
    if (rank > best) {
      best = rank;
      expected = text;
    }
  }
  std::vector<std::string> params;
  const Router::Match match = router.Find("GET", target, params);
  const std::string found = match.route != nullptr ? match.route->pattern : "(unmatched)";
  RC_ASSERT(found == expected);
  const auto placeholders = static_cast<size_t>(std::count(expected.begin(), expected.end(), '{'));
  RC_ASSERT(params.size() == placeholders);
}

}  // namespace
}  // namespace hoego::http
