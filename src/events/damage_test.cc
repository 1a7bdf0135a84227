// Bytes that changed under the log: a tail is cut, anything older is reported by name and place.
#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "events/internal/keeper.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class Damage : public testing::Test {
 protected:
  Damage() : disk_(3), store_(disk_) {
    SetLogLevel(LogLevel::kError);
    store_.Open();
  }
  void Flip(const std::string& name, uint64_t offset) {
    const auto file = disk_.Open("data/log/" + name, Disk::Mode::kReadWrite).value();
    char byte = 0;
    ASSERT_EQ(file->ReadAt(offset, {&byte, 1}).value(), 1U);
    byte = static_cast<char>(byte ^ 0x10);
    ASSERT_TRUE(file->WriteAt(offset, {&byte, 1}).ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  // Several closed segments.
  void Fill() {
    for (int i = 0; i < 60; ++i) {
      const std::string id = fmt::format("e{}", i);
      const std::string unit = fmt::format("u{}", i % 5);
      store_.MustAppend({MakeEvent(id, unit)});
    }
    ASSERT_TRUE(store_->Retain().ok());  // all sidecars are written
  }

  FaultDisk disk_;
  TestStore store_;
};

TEST_F(Damage, AnyByteOfTheLastRecordChangedCutsExactlyThatRecord) {
  store_.options.segment_bytes = 1u << 20;
  store_.Open();
  const auto before = store_.Append({MakeEvent("a"), MakeEvent("b")})->cut.offset;
  const auto after = store_.Append({MakeEvent("c")})->cut.offset;
  store_.Close();
  const auto whole = ReadWholeFile(disk_, "data/log/" + SegmentName(0)).value();
  ASSERT_EQ(whole.size(), after);
  for (uint64_t at = before; at < after; ++at) {
    const auto file = disk_.Open("data/log/" + SegmentName(0), Disk::Mode::kReadWrite).value();
    ASSERT_TRUE(file->Truncate(0).ok());
    ASSERT_TRUE(file->WriteAt(0, whole).ok());
    Flip(SegmentName(0), at);
    store_.Open();
    ASSERT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b"})) << at;
    ASSERT_EQ(store_.log().end().offset, before);
    store_.Close();
    ASSERT_EQ(file->Size().value(), before);
  }
}

TEST_F(Damage, ATailOfZerosIsCut) {
  store_.MustAppend({MakeEvent("a")});
  const uint64_t end = store_.log().end().offset;
  store_.Close();
  const auto file = disk_.Open("data/log/" + SegmentName(0), Disk::Mode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(end, std::string(500, '\0')).ok());
  store_.Open();
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a"}));
  EXPECT_EQ(file->Size().value(), end);
}

TEST_F(Damage, AChangedByteInAClosedSegmentIsNamedByDoctorAndByReaders) {
  Fill();
  Flip(SegmentName(0), 700);
  const std::vector<std::string> findings = store_->Doctor().value();
  ASSERT_EQ(findings.size(), 1U);
  EXPECT_NE(findings[0].find("00000000000000000000.seg offset"), std::string::npos) << findings[0];
  const auto cursor = store_.log().Read({});
  auto record = cursor->Next();
  while (record.ok() && *record != nullptr) {
    record = cursor->Next();
  }
  EXPECT_EQ(record.status().code(), Code::kDataLoss);
}

TEST_F(Damage, WithoutItsSidecarADamagedClosedSegmentRefusesToOpenByName) {
  Fill();
  store_.Close();
  Flip(SegmentName(0), 700);
  ASSERT_TRUE(disk_.Remove("data/log/" + SegmentName(0, kSidecarSuffix)).ok());
  const Status opened = store_.TryOpen();
  EXPECT_EQ(opened.code(), Code::kDataLoss);
  EXPECT_NE(opened.message().find("00000000000000000000.seg offset"), std::string_view::npos)
      << opened.ToString();
}

TEST_F(Damage, ADamagedSidecarIsMadeAnew) {
  Fill();
  const std::vector<std::string> before = Describe(*store_);
  store_.Close();
  const std::string name = SegmentName(0, kSidecarSuffix);
  const auto good = ReadWholeFile(disk_, "data/log/" + name).value();
  for (uint64_t at = 0; at < good.size(); at += 37) {
    Flip(name, at);
    store_.Open();
    EXPECT_EQ(ReadWholeFile(disk_, "data/log/" + name).value(), good) << at;
    EXPECT_EQ(Describe(*store_), before) << at;
    EXPECT_EQ(store_.Append({MakeEvent("e0")})->duplicates, 1U);
    store_.Close();
  }
}

TEST_F(Damage, AMissingSegmentIsNamed) {
  Fill();
  store_.Close();
  ASSERT_TRUE(disk_.Remove("data/log/" + SegmentName(0)).ok());
  const Status opened = store_.TryOpen();
  EXPECT_EQ(opened.code(), Code::kDataLoss);
  EXPECT_NE(opened.message().find("the segment at 0 is missing"), std::string_view::npos)
      << opened.ToString();
}

TEST_F(Damage, ALogWithoutItsUnitKeysRefusesToOpen) {
  Fill();
  store_.Close();
  ASSERT_TRUE(disk_.Remove("data/log/units.keys").ok());
  EXPECT_EQ(store_.TryOpen().code(), Code::kDataLoss);
}

TEST_F(Damage, ADamagedUnitKeyCostsThatUnitAlone) {
  Fill();
  store_.Close();
  Flip("units.keys", 64 + 64 * 2 + 5);  // the secret of unit 2
  store_.Open();
  EXPECT_EQ(store_->FindUnit("u2"), std::nullopt);
  EXPECT_EQ(store_->UnitId(UnitKey(1)), "u1");
  EXPECT_EQ(store_->UnitId(UnitKey(2)), std::nullopt);
  EXPECT_EQ(store_->Doctor()->size(), 1U);
  EXPECT_EQ(store_.Append({MakeEvent("again", "u2")})->accepted, 1U);  // as a new unit
}

TEST_F(Damage, ANewerFormatIsRefusedByItsNumber) {
  store_.MustAppend({MakeEvent("a")});
  store_.Close();
  const auto file = disk_.Open("data/log/" + SegmentName(0), Disk::Mode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(8, std::string_view("\x02", 1)).ok());
  const Status opened = store_.TryOpen();
  EXPECT_EQ(opened.code(), Code::kFailedPrecondition);
  EXPECT_NE(opened.message().find("segment format 2"), std::string_view::npos) << opened.ToString();
}

TEST_F(Damage, ASegmentOfAnotherLogIsRefused) {
  store_.MustAppend({MakeEvent("a")});
  store_.Close();
  TestStore other(disk_, "data/other");
  other.Open();
  other.MustAppend({MakeEvent("b")});
  other.Close();
  const auto foreign = ReadWholeFile(disk_, "data/other/" + SegmentName(0)).value();
  const auto file = disk_.Open("data/log/" + SegmentName(0), Disk::Mode::kReadWrite).value();
  ASSERT_TRUE(file->Truncate(0).ok());
  ASSERT_TRUE(file->WriteAt(0, foreign).ok());
  EXPECT_EQ(store_.TryOpen().code(), Code::kDataLoss);
}

// A later program may add kinds of records and longer record headers; this one passes over them and
// keeps them.
TEST_F(Damage, UnknownKindsAndLongerHeadersArePassedOver) {
  store_.MustAppend({MakeEvent("a")});
  const uint64_t end = store_.log().end().offset;
  store_.Close();
  std::string later;
  const size_t begin = BeginRecord(later, static_cast<RecordKind>(99), UINT32_MAX, 0);
  later += "of a later program";
  EndRecord(later, begin);
  StampRecord(later.data(), static_cast<uint32_t>(later.size()), 1'700'000'000'000, true, 0);
  const auto file = disk_.Open("data/log/" + SegmentName(0), Disk::Mode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(end, later).ok());
  store_.Open();
  store_.MustAppend({MakeEvent("b")});
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(store_->Doctor().value(), std::vector<std::string>{});
  EXPECT_EQ(ReadWholeFile(disk_, "data/log/" + SegmentName(0))->substr(end, later.size()), later);
}

}  // namespace
}  // namespace hoego::events
