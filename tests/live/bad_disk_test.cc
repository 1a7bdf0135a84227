// A disk that is full or broken: no write is acknowledged that is not on it, reads go on, the cause
// can be seen, and when the disk is well again so is the server.
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <ostream>
#include <thread>

#include "base/text.h"
#include "live_server.h"

namespace hoego::live {
namespace {

struct Case {
  const char* name;
  BadDisk::Action action;
  int error;
  const char* cause;  // what the answer says
};

void PrintTo(const Case& tested, std::ostream* out) {
  *out << tested.name;
}

class BadDiskTest : public ::testing::TestWithParam<Case> {};

std::string Event(int number) {
  return fmt::format(R"({{"id":"e{}","type":"watch","unit":"ann","item":"i{}"}})", number,
                     number % 60);
}

TEST_P(BadDiskTest, NothingIsAcknowledgedUntilTheLogIsReopenedAndReadsGoOn) {
  if (IsSanitized()) {
    GTEST_SKIP() << "skipped: a sanitizer's library must be the first, so none can be preloaded";
  }
  const Folder folder;
  const std::string data = folder / "data";
  ASSERT_TRUE(TrainFilms(data, 1));
  LiveServer server(data, true);
  ASSERT_TRUE(server.Start());
  http::Client client = server.Connect();
  ASSERT_EQ(
      Reply(client.Request("PUT", "/v1/registry/models/films/aliases/champion", R"({"version":1})"))
          .status(),
      200);
  ASSERT_EQ(
      Reply(client.Request("PUT", "/v1/endpoints/home", R"({"model":"films@champion"})")).status(),
      200);
  ASSERT_EQ(Reply(client.Request("POST", "/v1/events", Event(1))).Int("accepted"), 1);

  std::strcpy(server.disk().path_part, "/log/");
  server.disk().error = GetParam().error;
  server.disk().action = GetParam().action;
  const auto refused = [&](const Reply& reply) {
    EXPECT_EQ(reply.status() / 100, 5) << reply.body();
    EXPECT_NE(reply.body().find(GetParam().cause), std::string::npos) << reply.body();
  };
  for (int i = 2; i < 6; ++i) {
    refused(Reply(client.Request("POST", "/v1/events", Event(i))));
  }
  refused(Reply(client.Request("PUT", "/v1/registry/models/films/aliases/champion",
                               R"({"version":1,"reason":"again"})")));
  refused(Reply(client.Request("PUT", "/v1/items/i1", R"({"hidden":true})")));
  EXPECT_GT(server.disk().hits, 0);

  const Reply answer(
      client.Request("POST", "/v1/endpoints/home:recommend", R"({"unit":"ann","n":60})"));
  EXPECT_EQ(answer.status(), 200) << answer.body();
  EXPECT_EQ(answer.body().find(R"("item":"i1")") == std::string::npos, true) << "it was seen";
  EXPECT_EQ(
      Reply(client.Request("GET", "/v1/registry/models/films/aliases/champion")).Int("version"), 1);
  EXPECT_EQ(Reply(client.Request("GET", "/health")).status(), 200) << "reads go on";
  EXPECT_NE(Reply(client.Request("GET", "/metrics")).body().find("\nhoego_event_log_healthy 0"),
            std::string::npos);
  EXPECT_NE(Reply(client.Request("GET", "/v1/version")).Text("cause").find(GetParam().cause),
            std::string::npos);
  EXPECT_NE(server.log().find(GetParam().cause), std::string::npos);

  // The disk is well again: the server finds out by itself, and nothing that was refused is there.
  server.disk().action = BadDisk::kSound;
  Reply again(client.Request("POST", "/v1/events", Event(2)));
  for (int tries = 0; again.status() == 503 && tries < 200; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    again = Reply(client.Request("POST", "/v1/events", Event(2)));
  }
  ASSERT_EQ(again.status(), 200) << again.body();
  EXPECT_EQ(again.Int("accepted"), 1) << "it had been refused, so it was not kept";
  EXPECT_EQ(Reply(client.Request("POST", "/v1/events", Event(1))).Int("duplicates"), 1);
  EXPECT_NE(Reply(client.Request("GET", "/metrics")).body().find("\nhoego_event_log_healthy 1"),
            std::string::npos);
  server.Kill();
  const Ran kept = RunHoego({"export", "--data", data, "--format", "jsonl", "--kind", "event"});
  EXPECT_NE(kept.out.find(R"("id":"e1")"), std::string::npos);
  EXPECT_NE(kept.out.find(R"("id":"e2")"), std::string::npos);
  EXPECT_EQ(kept.out.find(R"("id":"e3")"), std::string::npos);
  EXPECT_EQ(RunHoego({"doctor", "--data", data}).exit_code, 0);
}

INSTANTIATE_TEST_SUITE_P(
    All, BadDiskTest,
    ::testing::Values(Case{"NoSpaceInWrite", BadDisk::kFailWrite, ENOSPC, "No space left"},
                      Case{"ErrorInWrite", BadDisk::kFailWrite, EIO, "nput/output error"},
                      Case{"ErrorInSync", BadDisk::kFailSync, EIO, "nput/output error"},
                      Case{"NoSpaceInSync", BadDisk::kFailSync, ENOSPC, "No space left"}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace hoego::live
