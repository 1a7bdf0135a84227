// An alias moves while traffic flows: nobody fails, nobody gets a version that was not current, and
// of many who compare and set at once one wins.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/text.h"
#include "live_server.h"

namespace hoego::live {
namespace {

using Moment = std::chrono::nanoseconds;
constexpr const char* kAlias = "/v1/registry/models/films/aliases/champion";

Moment Now() {
  return SystemClock::Instance().Monotonic();
}

struct Answer {
  Moment asked;
  Moment answered;
  int64_t version;
};

// The version was asked for at `begun` and answered at `done`.
struct Move {
  Moment begun;
  Moment done;
  int64_t version;
};

class AliasTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(TrainFilms(folder_ / "data", 3));
    server_ = std::make_unique<LiveServer>(folder_ / "data");
    ASSERT_TRUE(server_->Start());
  }
  void TearDown() override {
    if (server_) {
      EXPECT_EQ(server_->Stop(), 0);
    }
  }

  const Folder folder_;
  std::unique_ptr<LiveServer> server_;
};

// Every version that was the current one at some instant between `asked` and `answered`: from when
// its move was sent until the next one was answered.
bool WasCurrent(const std::vector<Move>& moves, const Answer& answer) {
  for (size_t i = 0; i < moves.size(); ++i) {
    const bool begun = moves[i].begun <= answer.answered;
    const bool over = i + 1 < moves.size() && moves[i + 1].done < answer.asked;
    if (moves[i].version == answer.version && begun && !over) {
      return true;
    }
  }
  return false;
}

TEST_F(AliasTest, FiftyMovesUnderLoadFailNobodyAndEveryAnswerIsCurrent) {
  constexpr int kMoves = 50;
  constexpr int kClients = 8;
  constexpr size_t kAnswersAMove = 200;
  http::Client client = server_->Connect();
  std::vector<Move> moves;
  const auto move = [&](int64_t version) {
    Move m{Now(), {}, version};
    const Reply reply(client.Request("PUT", kAlias, fmt::format(R"({{"version":{}}})", version)));
    m.done = Now();
    ASSERT_EQ(reply.status(), 200) << reply.body();
    EXPECT_EQ(reply.Int("version"), version);
    EXPECT_EQ(reply.Int("was"), moves.empty() ? 0 : moves.back().version);
    moves.push_back(m);
  };
  move(1);
  ASSERT_EQ(Reply(client.Request("PUT", "/v1/endpoints/home",
                                 R"({"model":"films@champion","fallback":[]})"))
                .status(),
            200);
  std::atomic<size_t> count{0};
  std::atomic<bool> stop{false};
  Mutex mu;
  CondVar more;
  std::vector<std::vector<Answer>> answers(kClients);
  std::vector<std::jthread> clients;
  for (int c = 0; c < kClients; ++c) {
    clients.emplace_back([&, c] {
      http::Client own = server_->Connect();
      for (int i = 0; !stop; ++i) {
        const Moment asked = Now();
        const Reply reply(own.Request("POST", "/v1/endpoints/home:recommend",
                                      fmt::format(R"({{"unit":"u{}x{}","n":3}})", c, i % 100)));
        ASSERT_EQ(reply.status(), 200) << reply.body();
        EXPECT_EQ(reply.root().Find("fallback")->AsBool(), false) << reply.body();
        answers[static_cast<size_t>(c)].push_back({asked, Now(), reply.Int("version")});
        if (count.fetch_add(1) % kAnswersAMove == kAnswersAMove - 1) {
          MutexLock lock(mu);
          more.NotifyOne();
        }
      }
    });
  }
  const Moment begun = Now();
  Rng rng(7);
  for (int m = 1; m <= kMoves && !HasFailure(); ++m) {
    {
      MutexLock lock(mu);
      while (count < static_cast<size_t>(m) * kAnswersAMove) {
        more.WaitFor(mu, std::chrono::milliseconds(50));  // and looks whether a client failed
        if (HasFailure()) {
          break;
        }
      }
    }
    move(1 +
         static_cast<int64_t>((static_cast<uint64_t>(moves.back().version) + rng.Below(2)) % 3));
  }
  stop = true;
  const double seconds = std::chrono::duration<double>(Now() - begun).count();
  clients.clear();
  size_t all = 0;
  std::map<int64_t, size_t> by_version;
  for (const auto& of_client : answers) {
    for (const Answer& answer : of_client) {
      ++by_version[answer.version];
      ++all;
      EXPECT_TRUE(WasCurrent(moves, answer)) << "version " << answer.version << " was not current";
    }
  }
  EXPECT_EQ(by_version.size(), 3u);
  std::printf("%d moves, %zu answers, %.0f a second\n", kMoves, all,
              static_cast<double>(all) / seconds);
}

TEST_F(AliasTest, OfManyWhoCompareAndSetOneWinsEachTime) {
  constexpr int kClients = 64;
  constexpr int kEach = 10'000 / kClients + 1;
  {
    http::Client client = server_->Connect();
    ASSERT_EQ(Reply(client.Request("PUT", kAlias, R"({"version":1})")).status(), 200);
  }
  struct Won {
    int64_t was;
    int64_t version;
  };
  std::vector<std::map<std::string, Won>> won(kClients);
  std::atomic<int> lost{0};
  {
    std::vector<std::jthread> clients;
    for (int c = 0; c < kClients; ++c) {
      clients.emplace_back([&, c] {
        http::Client client = server_->Connect();
        for (int i = 0; i < kEach; ++i) {
          const Reply now(client.Request("GET", kAlias));
          ASSERT_EQ(now.status(), 200) << now.body();
          const int64_t expected = now.Int("version");
          const std::string reason = fmt::format("client {} try {}", c, i);
          const Reply reply(client.Request(
              "PUT", kAlias,
              fmt::format(R"({{"version":{},"reason":"{}"}})", expected % 3 + 1, reason),
              {{"If-Match", fmt::format("\"{}\"", expected)}}));
          if (reply.status() == 412) {
            ++lost;
            continue;
          }
          ASSERT_EQ(reply.status(), 200) << reply.body();
          EXPECT_EQ(reply.Int("was"), expected);
          won[static_cast<size_t>(c)][reason] = {expected, expected % 3 + 1};
        }
      });
    }
  }
  http::Client client = server_->Connect();
  const Reply history(client.Request("GET", "/v1/registry/models/films/history"));
  std::set<std::string> met;
  int64_t stands = 0;
  size_t wins = 0;
  ASSERT_TRUE(history.root()
                  .Find("history")
                  ->ForEachElement([&](JsonRef move) -> Status {
                    HOEGO_TRY_ASSIGN(const int64_t was, move.RequireInt("was"));
                    HOEGO_TRY_ASSIGN(const int64_t version, move.RequireInt("version"));
                    HOEGO_TRY_ASSIGN(const std::string reason, move.RequireString("reason"));
                    EXPECT_EQ(was, stands);
                    stands = version;
                    if (reason.empty()) {
                      return {};
                    }
                    EXPECT_TRUE(met.insert(reason).second) << reason << " won twice";
                    ++wins;
                    bool found = false;
                    for (const auto& of_client : won) {
                      if (const auto w = of_client.find(reason); w != of_client.end()) {
                        EXPECT_EQ(w->second.was, was);
                        EXPECT_EQ(w->second.version, version);
                        found = true;
                      }
                    }
                    EXPECT_TRUE(found) << reason << " moved the alias and was told it had not";
                    return {};
                  })
                  .ok());
  size_t told = 0;
  for (const auto& of_client : won) {
    told += of_client.size();
  }
  EXPECT_EQ(told, wins);
  EXPECT_GT(lost, 0) << "nobody ever met another: nothing was shown";
  EXPECT_EQ(Reply(client.Request("GET", kAlias)).Int("version"), stands);
  std::printf("%d tries of %d clients: %zu moved the alias, %d came too late\n", kClients * kEach,
              kClients, wins, lost.load());
}

}  // namespace
}  // namespace hoego::live
