// Whatever was acknowledged is there after kill -9, once; what was not may be sent again.
#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>
#include <unordered_set>

#include "base/clock.h"
#include "base/random.h"
#include "base/text.h"
#include "live_server.h"

namespace hoego::live {
namespace {

constexpr int kWriters = 4;

// Events `first` to `first + count − 1` of a writer; their ids are k<writer>-<number>.
struct Batch {
  int writer = 0;
  int64_t first = 0;
  int64_t count = 0;
  bool again = false;  // sent before and acknowledged then

  std::string Id(int64_t number) const { return fmt::format("k{}-{}", writer, number); }
  std::string Body() const {
    std::string body;
    for (int64_t i = first; i < first + count; ++i) {
      body += fmt::format(
          R"({{"id":"k{}-{}","type":"watch","unit":"w{}u{}","item":"i{}","properties":{{"note":"an event of some length, as real ones are"}}}})"
          "\n",
          writer, i, writer, i % 97, i % 60);
    }
    return body;
  }
};

using Ids = std::unordered_set<std::string>;
constexpr std::string_view kDecision = R"({"kind":"decision","id":")";

// The ids of our events that the log holds, by `hoego export`; those received since `from`.
// `torn`: whether opening it cut a torn tail.
Ids Exported(const std::string& folder, Time from, bool& torn,
             std::vector<std::string>* decisions) {
  Ids ids;
  const Ran ran = RunHoego({"export", "--data", folder, "--format", "jsonl", "--kind",
                            decisions != nullptr ? "all" : "event", "--from", FormatTime(from)});
  EXPECT_EQ(ran.exit_code, 0) << ran.error;
  torn = ran.error.find("torn tail") != std::string::npos;
  for (const std::string_view line : Split(ran.out, '\n')) {
    if (const size_t at = line.find(R"("id":"k)"); at != std::string_view::npos) {
      const size_t begin = at + 6;
      const std::string id(line.substr(begin, line.find('"', begin) - begin));
      EXPECT_TRUE(ids.insert(id).second) << id << " is there twice";
    } else if (line.starts_with(kDecision) && decisions != nullptr) {
      decisions->emplace_back(line.substr(kDecision.size(), 36));
    }
  }
  return ids;
}

// Sends batches until the server is gone. One writer a thread.
class Writer {
 public:
  Writer(int number, uint64_t seed) : number_(number), rng_(seed) {}

  void Run(const LiveServer& server) {
    http::Client client = server.Connect();
    for (;;) {
      if (!unanswered_) {
        unanswered_ = NextBatch();
      }
      const Batch& batch = *unanswered_;
      const Reply reply(client.Request("POST", "/v1/events", batch.Body(),
                                       {{"Content-Type", "application/x-ndjson"}}));
      if (reply.status() == 0) {
        return;
      }
      ASSERT_EQ(reply.status(), 200) << reply.body();
      const int64_t duplicates = batch.again ? batch.count : present_;
      EXPECT_EQ(reply.Int("duplicates"), duplicates) << batch.Id(batch.first);
      EXPECT_EQ(reply.Int("accepted"), batch.count - duplicates) << batch.Id(batch.first);
      if (!batch.again) {
        acknowledged_.push_back(batch);
      }
      present_ = 0;
      unanswered_.reset();
    }
  }

  // After a kill, with what the log holds of this life of the server.
  void Compare(const Ids& held, Ids& unknown) {
    for (const Batch& batch : acknowledged_) {
      for (int64_t i = 0; i < batch.count; ++i) {
        const std::string id = batch.Id(batch.first + i);
        // What was resent lies partly in the life before.
        EXPECT_TRUE(held.contains(id) || earlier_.contains(id))
            << id << " was acknowledged and is lost";
        unknown.erase(id);
      }
    }
    acknowledged_.clear();
    if (!unanswered_ || unanswered_->again) {
      earlier_.clear();
      return;
    }
    // It may have been resent and killed again: what is there by now counts.
    Ids there;
    for (int64_t i = 0; i < unanswered_->count; ++i) {
      const std::string id = unanswered_->Id(unanswered_->first + i);
      if (held.contains(id) || earlier_.contains(id)) {
        there.insert(id);
      }
      unknown.erase(id);
    }
    present_ = static_cast<int64_t>(there.size());
    earlier_ = std::move(there);
  }

  // All it ever sent is in the log, but what has no answer yet.
  void CompareAll(const Ids& all) const {
    for (int64_t i = 0; i < next_; ++i) {
      const bool open = unanswered_ && !unanswered_->again && i >= unanswered_->first;
      const std::string id = Batch{.writer = number_}.Id(i);
      EXPECT_TRUE(open || all.contains(id)) << id << " was acknowledged and is lost";
    }
  }

  bool unanswered() const { return unanswered_.has_value(); }
  int64_t next() const { return next_; }

 private:
  Batch NextBatch() {
    if (!acknowledged_.empty() && rng_.Chance(0.05)) {
      // One of the newest: ids are remembered for a time, not for ever.
      const size_t newest = std::min<size_t>(acknowledged_.size(), 20);
      Batch batch = acknowledged_[acknowledged_.size() - 1 - rng_.Below(newest)];
      batch.again = true;
      return batch;
    }
    const auto most = number_ % 2 == 0 ? 20 : 3000;  // some are single pages, some megabytes
    Batch batch{
        .writer = number_, .first = next_, .count = static_cast<int64_t>(1 + rng_.Below(most))};
    next_ += batch.count;
    return batch;
  }

  const int number_;
  Rng rng_;
  int64_t next_ = 0;
  std::vector<Batch> acknowledged_;  // in this life of the server
  std::optional<Batch> unanswered_;
  int64_t present_ = 0;  // of its events the log holds so many
  Ids earlier_;          // namely these
};

// Moves films@champion to and fro. One thread.
class Mover {
 public:
  void Run(const LiveServer& server) {
    http::Client client = server.Connect();
    for (;;) {
      ++asked_;
      in_flight_ = true;
      const Reply reply(client.Request(
          "PUT", "/v1/registry/models/films/aliases/champion",
          fmt::format(R"({{"version":{},"reason":"move {}"}})", 1 + asked_ % 2, asked_)));
      if (reply.status() == 0) {
        return;
      }
      in_flight_ = false;
      ASSERT_EQ(reply.status(), 200) << reply.body();
      answered_.insert(asked_);
    }
  }

  // The history is a chain, holds every answered move once, none that was not asked for, and the
  // alias stands where it ends.
  void Compare(http::Client& client) {
    const Reply history(client.Request("GET", "/v1/registry/models/films/history"));
    ASSERT_EQ(history.status(), 200) << history.body();
    std::set<int64_t> met;
    int64_t stands = 0;
    const Status walked =
        history.root().Find("history")->ForEachElement([&](JsonRef move) -> Status {
          HOEGO_TRY_ASSIGN(const int64_t was, move.RequireInt("was"));
          HOEGO_TRY_ASSIGN(const int64_t version, move.RequireInt("version"));
          HOEGO_TRY_ASSIGN(const std::string reason, move.RequireString("reason"));
          EXPECT_EQ(was, stands) << reason;
          stands = version;
          if (reason.starts_with("move ")) {
            const int64_t number = ParseInt(std::string_view(reason).substr(5)).value_or(0);
            EXPECT_TRUE(met.insert(number).second) << reason << " is there twice";
            EXPECT_LE(number, asked_);
            EXPECT_EQ(version, 1 + number % 2);
          }
          return {};
        });
    EXPECT_TRUE(walked.ok()) << walked.ToString();
    for (const int64_t number : answered_) {
      EXPECT_TRUE(met.contains(number)) << "move " << number << " was answered and is lost";
    }
    const Reply alias(client.Request("GET", "/v1/registry/models/films/aliases/champion"));
    EXPECT_EQ(alias.Int("version"), stands);
    stands_ = stands;
  }

  bool in_flight() const { return in_flight_; }
  int64_t stands() const { return stands_; }
  size_t answered() const { return answered_.size(); }

 private:
  int64_t asked_ = 0;
  bool in_flight_ = false;
  std::set<int64_t> answered_;
  int64_t stands_ = 0;
};

// Asks for recommendations until the server is gone; every answer is whole.
class Reader {
 public:
  void Run(const LiveServer& server) {
    http::Client client = server.Connect();
    for (int i = 0;; ++i) {
      const Reply reply(client.Request("POST", "/v1/endpoints/home:recommend",
                                       fmt::format(R"({{"unit":"r{}","n":5}})", i % 50)));
      if (reply.status() == 0) {
        return;
      }
      ASSERT_EQ(reply.status(), 200) << reply.body();
      EXPECT_EQ(reply.root().Find("items")->size(), 5u) << reply.body();
      const int64_t version = reply.Int("version");
      EXPECT_TRUE(version == 1 || version == 2) << reply.body();
      ++answered_;
    }
  }
  size_t answered() const { return answered_; }

 private:
  size_t answered_ = 0;
};

int Kills() {
  const char* const text = std::getenv("HOEGO_TEST_KILLS");
  return text == nullptr ? 200 : static_cast<int>(ParseInt(text).value_or(200));
}

TEST(KillTest, NothingAcknowledgedIsLostAndNothingIsThereTwice) {
  const Folder folder;
  const std::string data = folder / "data";
  ASSERT_TRUE(TrainFilms(data, 2));
  const bool bad_disk = !IsSanitized();
  LiveServer server(data, bad_disk);
  ASSERT_TRUE(server.Start());
  {
    http::Client client = server.Connect();
    ASSERT_EQ(Reply(client.Request("PUT", "/v1/registry/models/films/aliases/champion",
                                   R"({"version":1,"reason":"first"})"))
                  .status(),
              200);
    ASSERT_EQ(Reply(client.Request("PUT", "/v1/endpoints/home",
                                   R"({"model":"films@champion","fallback":["popular"]})"))
                  .status(),
              200);
  }
  EXPECT_EQ(server.Stop(), 0);

  Rng rng(20261122);
  std::vector<std::unique_ptr<Writer>> writers;
  for (int i = 0; i < kWriters; ++i) {
    writers.push_back(std::make_unique<Writer>(i, static_cast<uint64_t>(i + 1)));
  }
  Mover mover;
  Reader reader;
  int unanswered = 0;
  int torn = 0;
  int moves_in_flight = 0;
  double slowest_start = 0;
  const int kills = Kills();
  for (int kill = 0; kill < kills && !HasFailure(); ++kill) {
    const Time begun = SystemClock::Instance().Now();
    ASSERT_TRUE(server.Start());
    slowest_start = std::max(slowest_start, server.ready_seconds());
    {
      http::Client client = server.Connect();
      mover.Compare(client);
    }
    // Every other time it dies in the middle of a write of the log, else at any moment.
    const bool in_write = bad_disk && kill % 2 == 0;
    if (in_write) {
      BadDisk& disk = server.disk();
      std::strcpy(disk.path_part, "/log/");
      disk.per_mille = static_cast<int>(rng.Below(1000));
      disk.passes = static_cast<int>(rng.Below(30));
      disk.action = BadDisk::kDieInWrite;
    }
    {
      std::vector<std::jthread> clients;
      for (const auto& writer : writers) {
        clients.emplace_back([&] { writer->Run(server); });
      }
      clients.emplace_back([&] { mover.Run(server); });
      clients.emplace_back([&] { reader.Run(server); });
      if (in_write) {
        server.Await();
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(2 + rng.Below(80)));
        server.Kill();
      }
    }
    if (bad_disk) {
      server.disk().action = BadDisk::kSound;
    }
    unanswered +=
        std::any_of(writers.begin(), writers.end(), [](const auto& w) { return w->unanswered(); })
            ? 1
            : 0;
    moves_in_flight += mover.in_flight() ? 1 : 0;
    bool cut = false;
    const Ids held = Exported(data, begun, cut, nullptr);
    torn += cut ? 1 : 0;
    Ids unknown = held;
    for (const auto& writer : writers) {
      writer->Compare(held, unknown);
    }
    for (const std::string& id : unknown) {
      // A batch that was acknowledged in an earlier life and sent again leaves nothing new.
      ADD_FAILURE() << id << " is in the log, and nobody sent it in this life";
    }
  }
  // Everything once more, over the whole log.
  ASSERT_TRUE(server.Start());
  {
    http::Client client = server.Connect();
    mover.Compare(client);
    const Reply answer(client.Request("POST", "/v1/endpoints/home:recommend", R"({"unit":"r1"})"));
    EXPECT_EQ(answer.Int("version"), mover.stands());
  }
  EXPECT_EQ(server.Stop(), 0);
  bool cut = false;
  std::vector<std::string> decisions;
  const Ids all = Exported(data, FromUnixMillis(0), cut, &decisions);
  EXPECT_FALSE(cut) << "a server that was asked to stop leaves no torn tail";
  int64_t sent = 0;
  for (const auto& writer : writers) {
    sent += writer->next();
    writer->CompareAll(all);
  }
  EXPECT_LE(static_cast<int64_t>(all.size()), sent);
  EXPECT_EQ(std::set<std::string>(decisions.begin(), decisions.end()).size(), decisions.size());
  EXPECT_GT(decisions.size(), 0u);
  const Ran doctor = RunHoego({"doctor", "--data", data});
  EXPECT_EQ(doctor.exit_code, 0) << doctor.out << doctor.error;

  std::printf(
      "%d kills: %d with an unanswered batch, %d torn tails, %d alias moves in flight; %zu events, "
      "%zu moves, %zu answers, %zu decisions kept; slowest start %.3f s\n",
      kills, unanswered, torn, moves_in_flight, all.size(), mover.answered(), reader.answered(),
      decisions.size(), slowest_start);
  EXPECT_GE(unanswered * 4, kills * 3);
  EXPECT_GE(torn * 10, bad_disk ? kills : 0);
  EXPECT_GE(moves_in_flight * 10, kills);
}

}  // namespace
}  // namespace hoego::live
