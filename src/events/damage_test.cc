// Bytes that changed under the log: a tail is cut, anything older is reported by name and place.
#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "events/export.h"
#include "events/internal/cut_tail.h"
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

  std::string Bytes(const std::string& name) {
    return ReadWholeFile(disk_, "data/log/" + name).value();
  }
  void Put(const std::string& name, std::string_view bytes) {
    const auto file = disk_.Open("data/log/" + name, Disk::Mode::kCreate).value();
    ASSERT_TRUE(file->Truncate(0).ok());
    ASSERT_TRUE(file->WriteAt(0, bytes).ok());
    ASSERT_TRUE(file->Sync().ok());
  }
  std::vector<std::string> KeptTails() {
    std::vector<std::string> names = disk_.List("data/log").value();
    std::erase_if(names, [](const std::string& n) { return !n.ends_with(".cut"); });
    return names;
  }
  // What is refused is named by file and place, and left as it is.
  void ExpectRefused(const std::string& place) {
    const std::vector<std::string> before = disk_.List("data/log").value();
    const Status opened = store_.TryOpen();
    ASSERT_EQ(opened.code(), Code::kDataLoss) << opened.ToString();
    ASSERT_NE(opened.message().find("data/log/" + place), std::string_view::npos)
        << opened.ToString();
    ASSERT_EQ(disk_.List("data/log").value(), before);
  }

  FaultDisk disk_;
  TestStore store_;
};

// The log was closed in order, so every record was answered: none may go without a word.
TEST_F(Damage, AnyByteChangedBeforeTheSettledPositionIsRefusedByItsPlace) {
  store_.options.segment_bytes = 1u << 20;
  store_.Open();
  const auto first = store_.Append({MakeEvent("a"), MakeEvent("b")})->cut.offset;
  const auto end = store_.Append({MakeEvent("c")})->cut.offset;
  store_.MustAppend({MakeEvent("d")});
  store_.Close();
  const std::string name = SegmentName(0);
  const std::string whole = Bytes(name);
  for (uint64_t at = first; at < end; ++at) {
    Flip(name, at);
    ExpectRefused(fmt::format("{} offset {}", name, first));
    ASSERT_EQ(Bytes(name).size(), whole.size()) << at;
    Put(name, whole);
  }
  store_.Open();
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b", "c", "d"}));
  EXPECT_EQ(KeptTails(), std::vector<std::string>{});
}

// Without the note of what was synced a damaged last record looks like a torn one.
TEST_F(Damage, AnyByteChangedBehindTheSettledPositionCutsFromThatRecordOnAndKeepsTheBytes) {
  store_.options.segment_bytes = 1u << 20;
  store_.Open();
  const auto before = store_.Append({MakeEvent("a"), MakeEvent("b")})->cut.offset;
  const auto after = store_.Append({MakeEvent("c")})->cut.offset;
  store_.Close();
  const std::string name = SegmentName(0);
  const std::string whole = Bytes(name);
  ASSERT_EQ(whole.size(), after);
  for (uint64_t at = before; at < after; ++at) {
    Put(name, whole);
    Flip(name, at);
    const std::string damaged = Bytes(name);
    ASSERT_TRUE(disk_.Remove("data/log/settled").ok());
    store_.Open();
    ASSERT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b"})) << at;
    ASSERT_EQ(store_.log().end().offset, before);
    store_.Close();
    ASSERT_EQ(Bytes(name), whole.substr(0, before));
    ASSERT_EQ(Bytes(fmt::format("{:020}.{:020}.{}.cut", 0, before, at - before)),
              damaged.substr(before));
    ASSERT_EQ(KeptTails().size(), std::min<size_t>(at - before + 1, 8));
  }
}

// After the power went the note is an older one: it holds for what it names, and no further.
TEST_F(Damage, AnOlderSettledPositionHoldsForWhatLiesBeforeIt) {
  store_.options.segment_bytes = 1u << 20;
  store_.Open();
  const auto first = store_.Append({MakeEvent("a")})->cut.offset;
  store_.Open();
  const std::string older = Bytes("settled");
  ASSERT_EQ(older, fmt::format("{}\n", first));
  const auto second = store_.Append({MakeEvent("b")})->cut.offset;
  store_.MustAppend({MakeEvent("c"), MakeEvent("d")});
  store_.Close();
  const std::string name = SegmentName(0);
  const std::string whole = Bytes(name);

  Put("settled", older);
  Flip(name, first - 1);
  ExpectRefused(fmt::format("{} offset", name));
  Put(name, whole);

  Flip(name, second + 50);
  const std::string damaged = Bytes(name);
  store_.Open();
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(KeptTails(), (std::vector<std::string>{fmt::format("{:020}.{:020}.0.cut", 0, second)}));
  EXPECT_EQ(Bytes(KeptTails().front()), damaged.substr(second));
  // What is kept is no part of the log.
  EXPECT_EQ(store_->Doctor().value(), std::vector<std::string>{});
  store_.MustAppend({MakeEvent("e")});
  store_.Open();
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a", "b", "e"}));
}

TEST_F(Damage, ALastSegmentThatEndsBeforeTheSettledPositionIsRefused) {
  Fill();
  const uint64_t end = store_.log().end().offset;
  store_.Close();
  std::vector<std::string> segments = disk_.List("data/log").value();
  std::erase_if(segments, [](const std::string& n) { return !n.ends_with(".seg"); });
  const std::string name = segments.back();
  const std::string whole = Bytes(name);
  for (const size_t size : {size_t{0}, size_t{20}, size_t{64}, whole.size() - 1}) {
    Put(name, whole.substr(0, size));
    ExpectRefused(name);
    EXPECT_EQ(Bytes(name).size(), size);
  }
  // Gone altogether, the one before it ends too early.
  ASSERT_TRUE(disk_.Remove("data/log/" + name).ok());
  ExpectRefused(segments[segments.size() - 2]);
  Put(name, whole);
  store_.Open();
  EXPECT_EQ(store_.log().end().offset, end);
}

TEST_F(Damage, ALogWithoutItsSegmentsIsNoNewLog) {
  store_.MustAppend({MakeEvent("a")});
  store_.Close();
  ASSERT_TRUE(disk_.Remove("data/log/" + SegmentName(0)).ok());
  ExpectRefused(SegmentName(0));
}

// The power may go between the note and any later write: what was noted was on disk by then.
TEST_F(Damage, TheSettledPositionNeverNamesWhatIsNotSynced) {
  for (uint64_t seed = 0; seed < 60; ++seed) {
    FaultDisk disk(seed);
    TestStore store(disk);
    store.Open();
    store.MustAppend({MakeEvent("a"), MakeEvent("b")});
    if (seed % 3 == 1) {
      store.Open();
    }
    disk.PowerOffAfter(1 + seed / 2);
    const std::string id = fmt::format("c{}", seed);
    static_cast<void>(store.Append({MakeEvent(id)}));
    store.Close();
    if (seed % 3 == 2) {
      static_cast<void>(store.TryOpen());
      store.Close();
    }
    disk.Crash();
    const Status opened = store.TryOpen();
    ASSERT_TRUE(opened.ok()) << seed << " " << opened.ToString();
    const auto note = ReadWholeFile(disk, "data/log/settled");
    ASSERT_TRUE(note.ok());
    EXPECT_EQ(*note, fmt::format("{}\n", store.log().end().offset)) << "opening notes its end";
  }
}

TEST_F(Damage, ATailThatCannotBeKeptIsNotCut) {
  store_.MustAppend({MakeEvent("a")});
  const uint64_t end = store_.log().end().offset;
  store_.Close();
  const std::string name = SegmentName(0);
  const std::string torn = Bytes(name) + "half of a record";
  Put(name, torn);
  for (const auto op : {FaultDisk::Op::kOpen, FaultDisk::Op::kWrite, FaultDisk::Op::kSync}) {
    disk_.Fail(op, FaultDisk::Error::kNoSpace, 1, 1, ".cut");
    const Status opened = store_.TryOpen();
    EXPECT_EQ(opened.code(), Code::kResourceExhausted) << opened.ToString();
    EXPECT_NE(opened.message().find("keep the torn tail"), std::string_view::npos)
        << opened.ToString();
    EXPECT_EQ(Bytes(name), torn);
    EXPECT_EQ(KeptTails(), std::vector<std::string>{});
    disk_.Heal();
  }
  store_.Open();
  EXPECT_EQ(Bytes(name).size(), end);
  ASSERT_EQ(KeptTails().size(), 1U);
  EXPECT_EQ(Bytes(KeptTails().front()), "half of a record");
  // The same tail once more, as after an end between keeping and cutting, is kept once.
  store_.Close();
  Put(name, torn);
  store_.Open();
  EXPECT_EQ(KeptTails().size(), 1U);
}

TEST_F(Damage, OfKeptTailsTheNewestStayWithinTheirLimits) {
  store_.Close();
  const std::string name = SegmentName(0);
  Segment segment;
  segment.path = "data/log/" + name;
  segment.file = disk_.Open(segment.path, Disk::Mode::kReadWrite).value();
  const TailLimits limits{3, 100};
  const auto keep = [&](uint64_t position, size_t bytes) {
    Put(name, std::string(position, 'x') + std::string(bytes, 'y'));
    const auto kept = KeepTail(disk_, "data/log", segment, position, limits);
    EXPECT_TRUE(kept.ok()) << kept.status().ToString();
    std::vector<uint64_t> positions;
    for (const std::string& tail : KeptTails()) {
      positions.push_back(std::stoull(tail.substr(21, 20)));
    }
    return positions;
  };
  using Positions = std::vector<uint64_t>;
  EXPECT_EQ(keep(100, 30), (Positions{100}));
  EXPECT_EQ(keep(200, 30), (Positions{100, 200}));
  EXPECT_EQ(keep(300, 30), (Positions{100, 200, 300}));
  EXPECT_EQ(keep(400, 30), (Positions{200, 300, 400}));  // by number
  EXPECT_EQ(keep(500, 60), (Positions{400, 500}));       // by size
  EXPECT_EQ(keep(600, 500), (Positions{600}));           // the newest whatever its size
  EXPECT_EQ(KeepTail(disk_, "data/log", segment, 1100, limits).value(), "") << "nothing to keep";
}

TEST_F(Damage, ATailOfZerosIsCutAndNotKept) {
  store_.MustAppend({MakeEvent("a")});
  const uint64_t end = store_.log().end().offset;
  store_.Close();
  const auto file = disk_.Open("data/log/" + SegmentName(0), Disk::Mode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(end, std::string(500, '\0')).ok());
  store_.Open();
  EXPECT_EQ(EventIds(*store_), (std::vector<std::string>{"a"}));
  EXPECT_EQ(file->Size().value(), end);
  EXPECT_EQ(KeptTails(), std::vector<std::string>{});
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

TEST_F(Damage, RecordsOfADamagedUnitKeyAreReadAsErasedAndCounted) {
  Fill();
  store_.MustAppend({UnitChange{"u2", R"({"city":"Busan"})"}});
  store_.Close();
  Flip("units.keys", 64 + 64 * 2 + 5);
  store_.Open();
  std::vector<std::string> expected;
  for (int i = 0; i < 60; ++i) {
    expected.push_back(i % 5 == 2 ? "erased" : fmt::format("e{}", i));
  }
  EXPECT_EQ(EventIds(*store_), expected);
  EXPECT_NE(store_.metrics().PrometheusText().find("hoego_event_log_unreadable_records_total 12\n"),
            std::string::npos);
  size_t nameless = 0;
  const auto report = Export(*store_, {}, [&](std::string_view line) -> Status {
    nameless += line.find(R"("unit":null,"erased":true)") != std::string_view::npos ? 1 : 0;
    return {};
  });
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->lines, 60U);
  EXPECT_EQ(report->erased, 12U);
  EXPECT_EQ(nameless, 12U);
  EXPECT_EQ(store_->UnitAttributes(UnitKey(2)).value(), "{}");
  for (uint32_t unit = 0; unit < 5; ++unit) {
    EXPECT_EQ(store_->history().Get(UnitKey(unit))->size(), 12U) << unit;
  }
  EXPECT_EQ(store_->Doctor()->size(), 1U);  // and goes on to say so
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
