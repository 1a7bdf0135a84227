// What a failing disk does to writers, readers and the figures.
#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

using Op = FaultDisk::Op;

class Failure : public testing::Test {
 protected:
  Failure() : disk_(7), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.options.segment_bytes = 64u << 10;
    store_.Open();
    store_.MustAppend({MakeEvent("a"), MakeEvent("b")});
  }
  void ExpectRefusing(std::string_view cause) {
    for (int i = 0; i < 2; ++i) {
      const auto result = store_.Append({MakeEvent("c", "u2", "i2", "new type")});
      ASSERT_FALSE(result.ok());
      EXPECT_EQ(result.status().code(), Code::kUnavailable);
      EXPECT_NE(result.status().message().find(cause), std::string_view::npos)
          << result.status().ToString();
    }
    EXPECT_FALSE(store_.log().health().ok());
    EXPECT_NE(store_.metrics().PrometheusText().find("hoego_event_log_healthy 0"),
              std::string::npos);
    // Reads go on, and show nothing of what was refused.
    EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(store_->history().Get(*store_->FindUnit("u1"))->size(), 2U);
    EXPECT_EQ(store_->FindUnit("u2"), std::nullopt);
    EXPECT_EQ(store_->FindItem("i2"), std::nullopt);
    EXPECT_EQ(store_->FindType("new type"), std::nullopt);
  }
  void ExpectWorkingAfterReopening() {
    disk_.Heal();
    disk_.SetCapacity(FaultDisk::kForEver);
    const Status reopened = store_.log().Reopen();
    ASSERT_TRUE(reopened.ok()) << reopened.ToString();
    EXPECT_NE(store_.metrics().PrometheusText().find("hoego_event_log_healthy 1"),
              std::string::npos);
    const auto result = store_.Append({MakeEvent("c", "u2", "i2", "new type"), MakeEvent("a")});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
    EXPECT_EQ(result->accepted, 1U);
    EXPECT_EQ(result->duplicates, 1U);
    EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(store_->Doctor().value(), std::vector<std::string>{});
    disk_.Crash();
    store_.Open();
    EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b", "c"}));
  }

  FaultDisk disk_;
  TestStore store_;
};

TEST_F(Failure, AFullDiskStopsAppendsUntilReopened) {
  disk_.Fail(Op::kWrite, FaultDisk::Error::kNoSpace, 1, 1, ".seg");
  ExpectRefusing("No space left on device");
  ExpectWorkingAfterReopening();
}

TEST_F(Failure, AWriteErrorStopsAppendsUntilReopened) {
  disk_.Fail(Op::kWrite, FaultDisk::Error::kIo, 1, 1, ".seg");
  ExpectRefusing("Input/output error");
  ExpectWorkingAfterReopening();
}

TEST_F(Failure, AFailedSyncStopsAppendsUntilReopened) {
  disk_.Fail(Op::kSync, FaultDisk::Error::kIo, 1, 1, ".seg");
  ExpectRefusing("Input/output error");
  ExpectWorkingAfterReopening();
}

TEST_F(Failure, ReopeningFailsAsLongAsTheDiskDoes) {
  disk_.Fail(Op::kSync, FaultDisk::Error::kIo, 1, FaultDisk::kForEver, ".seg");
  ExpectRefusing("Input/output error");
  EXPECT_FALSE(store_.log().Reopen().ok());
  ExpectRefusing("Input/output error");
  ExpectWorkingAfterReopening();
}

TEST_F(Failure, AnAppendASecondLaterReopensTheLogByItself) {
  // The commit, the cut that follows it, and the first try to reopen.
  disk_.Fail(Op::kSync, FaultDisk::Error::kNoSpace, 1, 3, ".seg");
  ExpectRefusing("No space left on device");
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int attempt = 0; attempt < 2; ++attempt) {
    const uint64_t before = disk_.count(Op::kSync);
    ExpectRefusing("No space left on device");
    EXPECT_EQ(disk_.count(Op::kSync), before) << "within the second nothing is tried";
    store_.clock.Advance(std::chrono::seconds(1));
    while (disk_.count(Op::kSync) == before && std::chrono::steady_clock::now() < deadline) {
      // Asks for the try; a duplicate changes nothing.
      [[maybe_unused]] const auto asked = store_.Append({MakeEvent("a")});
    }
  }
  while (!store_.log().health().ok() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::yield();
  }
  ExpectWorkingAfterReopening();
}

TEST_F(Failure, ASecretThatCannotBeWrittenStopsAppendsUntilReopened) {
  std::vector<std::string> units;
  for (int i = 0; i < 1100; ++i) {
    units.push_back(fmt::format("unit {}", i));
  }
  disk_.Fail(Op::kWrite, FaultDisk::Error::kNoSpace, 1, FaultDisk::kForEver, "units.keys");
  std::vector<NewRecord> batch;
  for (const std::string& unit : units) {
    batch.push_back(UnitChange{unit, "{}"});
  }
  EXPECT_EQ(store_.Append(batch).status().code(), Code::kUnavailable);
  ExpectRefusing("No space left on device");
  disk_.Heal();
  ASSERT_TRUE(store_.log().Reopen().ok());
  EXPECT_EQ(store_.Append(batch)->accepted, 1100U);
}

TEST_F(Failure, AFullDiskWhileASegmentBeginsLeavesNoSecondBeginning) {
  store_.options.segment_bytes = 4096;
  store_.Open();
  disk_.Fail(Op::kOpen, FaultDisk::Error::kNoSpace, 1, 1, ".seg");
  std::vector<std::string> ids;
  for (int i = 0; i < 60; ++i) {
    ids.push_back(fmt::format("e{}", i));
  }
  std::vector<NewRecord> batch;
  for (const std::string& id : ids) {
    batch.push_back(MakeEvent(id));
  }
  EXPECT_FALSE(store_.Append(batch).ok());
  ASSERT_TRUE(store_.log().Reopen().ok());
  EXPECT_EQ(store_.Append(batch)->accepted, 60U);
  store_.Open();
  EXPECT_EQ(store_.Append(batch)->duplicates, 60U);
  EXPECT_EQ(store_->Doctor().value(), std::vector<std::string>{});
}

TEST_F(Failure, TooMuchWaitingForTheDiskIsRefusedNotQueued) {
  store_.options.max_pending_bytes = 2000;
  store_.Open();
  const std::string properties = "{\"x\":\"" + std::string(1500, 'x') + "\"}";
  NewEvent big = MakeEvent("big");
  big.properties = properties;
  NewEvent bigger = MakeEvent("bigger");
  bigger.properties = properties;
  const auto refused = store_.Append({big, bigger});
  EXPECT_EQ(refused.status().code(), Code::kInvalidArgument) << refused.status().ToString();
  EXPECT_EQ(store_.Append({big})->accepted, 1U);
}

}  // namespace
}  // namespace hoego::events
