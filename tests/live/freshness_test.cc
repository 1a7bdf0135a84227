// The next answer after an acknowledged event or change knows it.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/disk.h"
#include "base/random.h"
#include "base/text.h"
#include "live_server.h"

namespace hoego::live {
namespace {

constexpr int kItems = 600;

std::vector<std::string> ItemsOf(const Reply& reply) {
  std::vector<std::string> items;
  const auto list = reply.root().is_object() ? reply.root().Find("items") : std::nullopt;
  if (!list) {
    ADD_FAILURE() << "no items in " << reply.status() << ' ' << reply.body();
    return items;
  }
  const Status read = list->ForEachElement([&](JsonRef item) -> Status {
    HOEGO_TRY_ASSIGN(std::string name, item.RequireString("item"));
    items.push_back(std::move(name));
    return {};
  });
  EXPECT_TRUE(read.ok()) << reply.body();
  return items;
}

class FreshnessTest : public ::testing::Test {
 protected:
  // kItems items, each watched by somebody; a model that knows them all answers.
  void SetUp() override {
    const std::string data = folder_ / "data";
    {
      std::string lines = "unit,item\n";
      for (int i = 0; i < kItems; ++i) {
        lines += fmt::format("old{},i{}\n", i % 50, i);
      }
      ASSERT_TRUE(WriteFileAtomically(RealDisk(), folder_ / "plays.csv", lines).ok());
    }
    ASSERT_EQ(RunHoego({"import", folder_ / "plays.csv", "--data", data, "--format", "csv",
                        "--type", "watch", "--column", "unit=unit", "--column", "item=item"})
                  .exit_code,
              0);
    ASSERT_EQ(RunHoego({"train", "popularity", "--data", data, "--name", "films"}).exit_code, 0);
    server_ = std::make_unique<LiveServer>(data);
    ASSERT_TRUE(server_->Start());
    http::Client client = server_->Connect();
    ASSERT_EQ(Put(client, "/v1/registry/models/films/aliases/champion", R"({"version":1})"), 200);
    ASSERT_EQ(
        Put(client, "/v1/endpoints/home", R"({"model":"films@champion","fallback":["popular"]})"),
        200);
  }
  void TearDown() override {
    if (server_) {
      EXPECT_EQ(server_->Stop(), 0);
    }
  }

  static int Put(http::Client& client, const std::string& path, const std::string& body) {
    return Reply(client.Request("PUT", path, body)).status();
  }
  static Reply Recommend(http::Client& client, const std::string& body) {
    return Reply(client.Request("POST", "/v1/endpoints/home:recommend", body));
  }

  const Folder folder_;
  std::unique_ptr<LiveServer> server_;
};

TEST_F(FreshnessTest, TheNextAnswerKnowsTheEventThatWasAcknowledged) {
  constexpr int kWriters = 32;
  constexpr int kAll = 10'000;
  std::atomic<int> stale{0};
  std::atomic<int> pairs{0};
  {
    std::vector<std::jthread> writers;
    for (int w = 0; w < kWriters; ++w) {
      writers.emplace_back([&, w] {
        http::Client client = server_->Connect();
        Rng rng(static_cast<uint64_t>(w + 1));
        const std::string unit = fmt::format("new{}", w);
        std::set<std::string> seen;
        const std::string ask = fmt::format(R"({{"unit":"{}","n":10}})", unit);
        std::vector<std::string> offered = ItemsOf(Recommend(client, ask));
        for (int i = 0; i < kAll / kWriters + 1 && !offered.empty(); ++i) {
          const std::string& item = offered[rng.Below(offered.size())];
          seen.insert(item);
          const Reply stored(client.Request(
              "POST", "/v1/events",
              fmt::format(R"({{"type":"watch","unit":"{}","item":"{}"}})", unit, item)));
          ASSERT_EQ(stored.status(), 200) << stored.body();
          const Reply answer = Recommend(client, ask);
          ASSERT_EQ(answer.status(), 200) << answer.body();
          offered = ItemsOf(answer);
          for (const std::string& next : offered) {
            stale += seen.contains(next) ? 1 : 0;
          }
          ++pairs;
        }
      });
    }
  }
  EXPECT_EQ(stale, 0);
  EXPECT_GE(pairs, kAll);
}

TEST_F(FreshnessTest, WhatIsHiddenExpiredOrExcludedDoesNotComeBack) {
  http::Client client = server_->Connect();
  Rng rng(3);
  const Time now = SystemClock::Instance().Now();
  std::set<std::string> gone;
  for (int round = 0; round < 150; ++round) {
    const auto offered = ItemsOf(Recommend(client, R"({"unit":"ann","n":20})"));
    ASSERT_EQ(offered.size(), 20u);
    for (const std::string& item : offered) {
      EXPECT_FALSE(gone.contains(item)) << item;
    }
    const std::string item = offered[rng.Below(offered.size())];
    const bool hide = rng.Chance(0.5);
    const std::string change =
        hide ? R"({"hidden":true})"
             : fmt::format(R"({{"expires":"{}"}})", FormatTime(now - std::chrono::seconds(1)));
    ASSERT_EQ(Put(client, "/v1/items/" + item, change), 200);
    gone.insert(item);
    const auto next = ItemsOf(Recommend(
        client, fmt::format(R"({{"unit":"ann","n":20,"exclude":["{}"]}})", offered.back())));
    for (const std::string& got : next) {
      EXPECT_FALSE(gone.contains(got)) << got;
      EXPECT_NE(got, offered.back());
    }
    // Asked for by name it does not come either.
    EXPECT_TRUE(
        ItemsOf(Recommend(client, fmt::format(R"({{"unit":"ann","candidates":["{}"]}})", item)))
            .empty());
    if (rng.Chance(0.3)) {
      ASSERT_EQ(Put(client, "/v1/items/" + item, R"({"hidden":false})"), 200);
      gone.erase(item);
      EXPECT_EQ(
          ItemsOf(Recommend(client, fmt::format(R"({{"unit":"ann","candidates":["{}"]}})", item))),
          std::vector<std::string>{item});
    }
  }
}

TEST_F(FreshnessTest, PagesNeverRepeatAnItemWhileEventsComeIn) {
  http::Client client = server_->Connect();
  http::Client other = server_->Connect();
  Rng rng(5);
  for (int unit = 0; unit < 5; ++unit) {
    std::set<std::string> met;
    std::string page;
    int pages = 0;
    do {
      const Reply answer = Recommend(
          client, page.empty() ? fmt::format(R"({{"unit":"p{}","n":17}})", unit)
                               : fmt::format(R"({{"unit":"p{}","n":17,"page":"{}"}})", unit, page));
      ASSERT_EQ(answer.status(), 200) << answer.body();
      for (const std::string& item : ItemsOf(answer)) {
        EXPECT_TRUE(met.insert(item).second) << item << " came twice";
      }
      page = answer.root().Find("page").has_value() ? answer.Text("page") : std::string();
      // Others and the unit itself go on watching meanwhile.
      for (const std::string& who : {fmt::format("p{}", unit), std::string("somebody")}) {
        ASSERT_EQ(Reply(other.Request("POST", "/v1/events",
                                      fmt::format(R"({{"type":"watch","unit":"{}","item":"i{}"}})",
                                                  who, rng.Below(kItems))))
                      .status(),
                  200);
      }
      ASSERT_LE(++pages, kItems);
    } while (!page.empty());
    EXPECT_GT(met.size(), static_cast<size_t>(kItems) * 4 / 5);
  }
}

}  // namespace
}  // namespace hoego::live
