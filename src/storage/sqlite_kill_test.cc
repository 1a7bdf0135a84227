// A child that writes from several threads is killed at random moments; whatever it had been told
// is durable must be there afterwards, and nothing half. kill -9 spares the page cache: loss of
// power is sqlite_fault_test.cc.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "storage/database.h"
#include "storage/temp_folder.h"

namespace hoego::storage {
namespace {

constexpr int kKills = 40;
constexpr int64_t kThreads = 3;

constexpr std::array<Migration, 1> kSchema = {Migration{
    1, "CREATE TABLE pairs (id BIGINT NOT NULL, half BIGINT NOT NULL, PRIMARY KEY (id, half))"}};

// Writes pairs until killed; reports each id once its write has been acknowledged.
[[noreturn]] void WriteUntilKilled(const std::string& path, int64_t first, int report) {
  auto database = OpenSqlite(path);
  if (!database.ok() || !(*database)->Migrate("pairs", kSchema).ok()) {
    ::_exit(1);
  }
  std::vector<std::jthread> threads;
  for (int64_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t id = first + t;; id += kThreads) {
        const Status status = (*database)->Write([&](Transaction& transaction) {
          for (int64_t half = 0; half < 2; ++half) {
            const std::vector<Value> row = {id, half};
            HOEGO_TRY(
                transaction.Execute("INSERT INTO pairs (id, half) VALUES (?, ?)", row).status());
          }
          return Status{};
        });
        if (!status.ok() || ::write(report, &id, sizeof(id)) != sizeof(id)) {
          ::_exit(2);
        }
      }
    });
  }
  threads.clear();
  ::_exit(0);
}

// Runs one child, kills it after `reports` acknowledgements and collects all that were on their
// way.
std::vector<int64_t> RunAndKill(const std::string& path, int64_t first, uint64_t reports) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    WriteUntilKilled(path, first, ends[1]);
  }
  ::close(ends[1]);
  std::vector<int64_t> acknowledged;
  int64_t id = 0;
  while (::read(ends[0], &id, sizeof(id)) == sizeof(id)) {
    acknowledged.push_back(id);
    if (acknowledged.size() == reports) {
      ::kill(child, SIGKILL);
    }
  }
  ::close(ends[0]);
  int how = 0;
  EXPECT_EQ(::waitpid(child, &how, 0), child);
  EXPECT_TRUE(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL) << how;
  return acknowledged;
}

TEST(SqliteKillTest, NothingAcknowledgedIsLostAndNothingIsHalf) {
  const TempFolder folder;
  Rng rng(2026);
  std::set<int64_t> acknowledged;
  for (int kill = 0; kill < kKills; ++kill) {
    for (const int64_t id : RunAndKill(folder / "meta.db", kill * 1'000'000, 1 + rng.Below(60))) {
      acknowledged.insert(id);
    }
  }
  auto database = OpenSqlite(folder / "meta.db");
  ASSERT_TRUE(database.ok()) << database.status().ToString();
  std::set<int64_t> held;
  ASSERT_TRUE((*database)
                  ->Query("SELECT id, count(*) FROM pairs GROUP BY id", {},
                          [&](const Row& row) {
                            EXPECT_EQ(row.Int(1), 2) << row.Int(0);
                            held.insert(row.Int(0));
                            return Status{};
                          })
                  .ok());
  for (const int64_t id : acknowledged) {
    EXPECT_TRUE(held.contains(id)) << id;
  }
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kKills));
  // At most one write a thread was on its way at each kill.
  EXPECT_LE(held.size(), acknowledged.size() + static_cast<size_t>(kKills * kThreads));
  EXPECT_TRUE((*database)->Check().ok());
}

}  // namespace
}  // namespace hoego::storage
