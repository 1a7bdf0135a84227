// Retention takes old events; what was defined stays, also when the process dies.
#include <gtest/gtest.h>

#include "base/text.h"
#include "live_server.h"

namespace hoego::live {
namespace {

constexpr const char* kChampion = "/v1/registry/models/films/aliases/champion";

// More than two segments of 1 MiB.
void Flood(http::Client& client, int from) {
  for (int batch = 0; batch < 12; ++batch) {
    std::string body;
    for (int i = 0; i < 2000; ++i) {
      body += fmt::format(
          R"({{"type":"watch","unit":"f{}","item":"i{}","properties":{{"note":"{:080}"}}}})"
          "\n",
          i % 50, i % 60, from + batch * 2000 + i);
    }
    const Reply reply(
        client.Request("POST", "/v1/events", body, {{"Content-Type", "application/x-ndjson"}}));
    ASSERT_EQ(reply.status(), 200) << reply.body();
  }
}

TEST(RetentionTest, ModelsEndpointsTestsAndLoopsOutliveTheEventsAroundThem) {
  const Folder folder;
  const std::string data = folder / "data";
  ASSERT_TRUE(TrainFilms(data, 2));
  LiveServer server(data);
  server.Set("events.segment_bytes=1MiB");
  server.Set("events.retain_bytes=1MiB");
  ASSERT_TRUE(server.Start());
  {
    http::Client client = server.Connect();
    const auto ok = [&](std::string_view method, std::string_view path, std::string_view body) {
      const Reply reply(client.Request(method, path, body));
      EXPECT_EQ(reply.status() / 100, 2) << path << ' ' << reply.body();
    };
    ok("PUT", kChampion, R"({"version":1,"reason":"first"})");
    ok("PUT", "/v1/endpoints/home", R"({"model":"films@champion"})");
    ok("POST", "/v1/loops",
       R"({"file":"endpoint: other\nlearn:\n  events: {positive: [watch]}\n  candidates:\n    - popularity: {}\ntest:\n  route: [ab 50/50 60s]\n  metric: watch_rate\n"})");
    ok("POST", "/v1/tests",
       R"({"name":"t1","endpoint":"home","kind":"ab","arms":[{"name":"old","model":"films/1"},{"name":"new","model":"films/2"}],"metric":{"name":"watch_rate","kind":"conversion","event":"watch","window":"1d"}})");
    ok("POST", "/v1/tests/t1:start", "");
    Flood(client, 0);
  }
  for (const bool kill : {true, false}) {
    if (kill) {
      server.Kill();
    } else {
      EXPECT_EQ(server.Stop(), 0);
    }
    ASSERT_TRUE(server.Start());
    http::Client client = server.Connect();
    EXPECT_EQ(Reply(client.Request("GET", kChampion)).Int("version"), 1);
    EXPECT_EQ(Reply(client.Request("GET", "/v1/registry/models/films")).status(), 200);
    EXPECT_EQ(Reply(client.Request("GET", "/v1/loops/other")).status(), 200);
    EXPECT_EQ(Reply(client.Request("GET", "/v1/tests/t1")).Text("state"), "running");
    const Reply answer(
        client.Request("POST", "/v1/endpoints/home:recommend", R"({"unit":"f1","n":2})"));
    EXPECT_EQ(answer.status(), 200) << answer.body();
    EXPECT_FALSE(answer.Text("arm").empty());
    EXPECT_EQ(Reply(client.Request("GET", "/v1/endpoints/home")).Int("route_revision"),
              answer.Int("route_revision"));
    // It was retention that was survived.
    const std::string metrics = Reply(client.Request("GET", "/metrics")).body();
    const size_t at = metrics.find("\nhoego_event_log_bytes ");
    ASSERT_NE(at, std::string::npos);
    EXPECT_LT(
        ParseDouble(std::string_view(metrics).substr(at + 23, metrics.find('\n', at + 1) - at - 23))
            .value_or(1e18),
        3e6);
    if (kill) {
      Flood(client, 100'000);
    }
  }
  EXPECT_EQ(server.Stop(), 0);
  // No number is given twice.
  const Ran trained =
      RunHoego({"train", "popularity", "--data", data, "--name", "films", "--json"});
  EXPECT_EQ(trained.exit_code, 0) << trained.error;
  EXPECT_NE(trained.out.find("\"version\":3"), std::string::npos) << trained.out;
  EXPECT_EQ(RunHoego({"doctor", "--data", data}).exit_code, 0);
}

}  // namespace
}  // namespace hoego::live
