#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "base/fault_disk.h"
#include "base/line_reader.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

// Whether any file of the folder holds these bytes.
std::vector<std::string> FilesWith(Disk& disk, const std::string& folder, std::string_view bytes) {
  std::vector<std::string> found;
  const std::vector<std::string> names = disk.List(folder).value();
  for (const std::string& name : names) {
    const auto content = ReadWholeFile(disk, JoinPath(folder, name));
    if (content.ok() && content->find(bytes) != std::string::npos) {
      found.push_back(name);
    }
  }
  return found;
}

class Forget : public testing::Test {
 protected:
  Forget() : disk_(11), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.Open();
  }
  void FillWithMina() {
    for (int i = 0; i < 40; ++i) {
      const std::string id = fmt::format("order-mina-{}", i);
      const std::string other = fmt::format("other-{}", i);
      NewEvent event = MakeEvent(id, "mina@example.org");
      event.properties = R"({"phone":"010-1234-5678"})";
      store_.MustAppend({event, MakeEvent(other, "u2")});
    }
    store_.MustAppend({UnitChange{"mina@example.org", R"({"city":"Busan"})"}});
  }
  FaultDisk disk_;
  TestStore store_;
};

TEST_F(Forget, NoFileEverHoldsAUnitsIdItsEventIdsOrItsPropertiesInClear) {
  FillWithMina();
  ASSERT_TRUE(store_->Retain().ok());
  store_.Close();
  for (const std::string_view secret : {"mina", "010-1234", "order-", "Busan"}) {
    EXPECT_EQ(FilesWith(disk_, "data/log", secret), std::vector<std::string>{}) << secret;
  }
  store_.Open();
  EXPECT_EQ(store_->UnitAttributes(*store_->FindUnit("mina@example.org")).value(),
            R"({"city":"Busan"})");
}

TEST_F(Forget, DestroysTheKeyOnDiskAndReplaySaysErased) {
  FillWithMina();
  const UnitKey key = *store_->FindUnit("mina@example.org");
  const auto secret =
      ReadWholeFile(disk_, "data/log/units.keys")->substr(64 + 64 * size_t{key.value()}, 48);
  const size_t events = EventIds(*store_).size();
  ASSERT_TRUE(store_->Forget("mina@example.org").ok());
  const auto check = [&] {
    EXPECT_EQ(store_->FindUnit("mina@example.org"), std::nullopt);
    EXPECT_EQ(store_->UnitId(key), std::nullopt);
    EXPECT_EQ(store_->UnitAttributes(key).value(), "{}");
    const std::vector<std::string> ids = EventIds(*store_);
    EXPECT_EQ(ids.size(), events);  // offsets stay
    EXPECT_EQ(std::count(ids.begin(), ids.end(), "erased"), 40);
    EXPECT_EQ(store_->UnitId(*store_->FindUnit("u2")), "u2");
  };
  check();
  EXPECT_EQ(FilesWith(disk_, "data/log", secret.substr(0, 32)), std::vector<std::string>{});
  EXPECT_EQ(FilesWith(disk_, "data/log", secret.substr(32)), std::vector<std::string>{});
  EXPECT_EQ(store_->Forget("mina@example.org").code(), Code::kNotFound);
  disk_.Crash();
  store_.Open();
  check();
  EXPECT_EQ(FilesWith(disk_, "data/log", secret.substr(0, 32)), std::vector<std::string>{});
}

TEST_F(Forget, TheSameIdLaterIsANewUnit) {
  FillWithMina();
  const UnitKey before = *store_->FindUnit("mina@example.org");
  ASSERT_TRUE(store_->Forget("mina@example.org").ok());
  store_.MustAppend({MakeEvent("back", "mina@example.org", "i7")});
  for (int again = 0; again < 2; ++again) {
    const UnitKey after = *store_->FindUnit("mina@example.org");
    EXPECT_NE(after, before);
    EXPECT_EQ(store_->history().Get(after)->size(), 1U);
    EXPECT_EQ(EventIds(*store_).back(), "back");
    store_.Open();
  }
}

// Every change of the disk that forgetting makes may be the last before the power goes: either
// nothing happened, or the next opening finishes it.
TEST_F(Forget, APowerCutAnywhereLeavesItUndoneOrDone) {
  bool done = false;
  for (uint64_t changes = 0; changes < 40; ++changes) {
    FaultDisk disk(changes);
    TestStore store(disk);
    store.options.segment_bytes = 1u << 20;
    store.Open();
    NewEvent event = MakeEvent("order", "mina");
    event.properties = R"({"secret":1})";
    store.MustAppend({event});
    const auto slot = ReadWholeFile(disk, "data/log/units.keys")->substr(64, 32);
    disk.PowerOffAfter(changes);
    const bool answered = store->Forget("mina").ok();
    disk.Crash();
    store.Open();
    const bool forgotten = !store->FindUnit("mina").has_value();
    const bool secret_gone = FilesWith(disk, "data/log", slot).empty();
    EXPECT_EQ(EventIds(*store), (std::vector<std::string>{forgotten ? "erased" : "order"}))
        << changes;
    EXPECT_EQ(forgotten, secret_gone) << changes;
    if (answered) {
      EXPECT_TRUE(forgotten) << changes;
    }
    done = done || answered;
  }
  EXPECT_TRUE(done);
}

TEST_F(Forget, AFailedSlotWriteIsReportedAndFinishedWithTheNextForgetting) {
  store_.MustAppend({MakeEvent("a", "mina"), MakeEvent("b", "u2")});
  const auto secret = ReadWholeFile(disk_, "data/log/units.keys")->substr(64, 32);
  disk_.Fail(FaultDisk::Op::kWrite, FaultDisk::Error::kIo, 1, 1, "units.keys");
  EXPECT_FALSE(store_->Forget("mina").ok());
  EXPECT_EQ(store_->FindUnit("mina"), std::nullopt);
  ASSERT_TRUE(store_->Forget("u2").ok());
  EXPECT_EQ(FilesWith(disk_, "data/log", secret), std::vector<std::string>{});
}

}  // namespace
}  // namespace hoego::events
