// A training can be watched while it runs, by as many as like, and those who leave leave nothing.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "base/text.h"
#include "live_server.h"

namespace hoego::live {
namespace {

// Enough iterations to be watched.
constexpr const char* kLoop =
    R"({"file":"endpoint: home\nlearn:\n  events: {positive: [watch]}\n  split: {by: time, validate: 20%, test: 20%}\n  candidates:\n    - als: {factors: [16], iterations: [1000]}\ntest:\n  route: [ab 50/50 60s]\n  metric: watch_rate\n"})";

TEST(ProgressTest, ARunIsWatchedUntilItsEnd) {
  const Folder folder;
  const std::string data = folder / "data";
  ASSERT_TRUE(TrainFilms(data, 0));
  LiveServer server(data);
  ASSERT_TRUE(server.Start());
  http::Client client = server.Connect();
  const Reply kept(client.Request("POST", "/v1/loops", kLoop));
  ASSERT_EQ(kept.status() / 100, 2) << kept.body();
  // One who watches the loop from the beginning, and leaves in the middle.
  std::set<std::string> steps;
  std::jthread watcher([&] {
    http::Client own = server.Connect();
    const Status watched = own.Events("/v1/stream", [&](const http::ServerEvent& event) {
      JsonParser parser;
      const auto word = parser.Parse(event.data);
      EXPECT_TRUE(word.ok()) << event.data;
      steps.insert(word.ok() ? word->StringOr("step", "").value() : "");
      return !steps.contains("train");
    });
    EXPECT_TRUE(watched.ok()) << watched.ToString();
  });
  ASSERT_EQ(Reply(client.Request("POST", "/v1/loops/home:run")).status(), 202);
  std::string run;
  for (int tries = 0; run.empty() && tries < 1000; ++tries) {
    const Reply runs(client.Request("GET", "/v1/runs?n=1000"));
    ASSERT_EQ(runs.status(), 200) << runs.body();
    const Status read = runs.root().Find("runs")->ForEachElement([&](JsonRef one) -> Status {
      HOEGO_TRY_ASSIGN(const std::string name, one.RequireString("name"));
      if (name.find("als") != std::string::npos) {
        HOEGO_TRY_ASSIGN(run, one.RequireString("id"));
      }
      return {};
    });
    ASSERT_TRUE(read.ok()) << read.ToString();
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  ASSERT_FALSE(run.empty());
  std::vector<std::string> kinds;
  double share = 0;
  std::string end;
  const Status watched =
      client.Events("/v1/runs/" + run + "/progress", [&](const http::ServerEvent& event) {
        kinds.push_back(event.event);
        JsonParser parser;
        const auto word = parser.Parse(event.data);
        EXPECT_TRUE(word.ok()) << event.data;
        if (word.ok() && event.event == "progress") {
          const double now = word->RequireDouble("share").value();
          EXPECT_GE(now, share);
          share = now;
        } else if (word.ok() && event.event == "end") {
          end = word->StringOr("status", "").value();
        }
        return true;  // until the server ends it
      });
  EXPECT_TRUE(watched.ok()) << watched.ToString();
  EXPECT_EQ(end, "FINISHED");
  EXPECT_EQ(kinds.back(), "end");
  EXPECT_GT(std::count(kinds.begin(), kinds.end(), "progress"), 0);
  EXPECT_GT(std::count(kinds.begin(), kinds.end(), "metric"), 0);
  watcher.join();
  EXPECT_TRUE(steps.contains("train"));
  // Of one that has ended, its end.
  kinds.clear();
  EXPECT_TRUE(client
                  .Events("/v1/runs/" + run + "/progress",
                          [&](const http::ServerEvent& event) {
                            kinds.push_back(event.event);
                            return true;
                          })
                  .ok());
  EXPECT_EQ(kinds, std::vector<std::string>{"end"});
  EXPECT_EQ(server.Stop(), 0);
}

}  // namespace
}  // namespace hoego::live
