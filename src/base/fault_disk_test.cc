#include "base/fault_disk.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace hoego {
namespace {

using Op = FaultDisk::Op;
using Error = FaultDisk::Error;

std::unique_ptr<File> Create(FaultDisk& disk, const std::string& path) {
  auto file = disk.Open(path, Disk::Mode::kCreate);
  EXPECT_TRUE(file.ok()) << file.status().ToString();
  EXPECT_TRUE(disk.SyncFolder("").ok());
  return std::move(*file);
}

std::string Bytes(FaultDisk& disk, const std::string& path) {
  const auto bytes = ReadWholeFile(disk, path);
  return bytes.ok() ? *bytes : bytes.status().ToString();
}

TEST(FaultDiskTest, IsADiskWhileNothingFails) {
  FaultDisk disk(1);
  ASSERT_TRUE(disk.MakeFolder("a/b").ok());
  const auto file = disk.Open("a/b/f", Disk::Mode::kCreate);
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE((*file)->WriteAt(3, "xyz").ok());
  ASSERT_TRUE((*file)->WriteAt(0, "abc").ok());
  ASSERT_TRUE((*file)->Truncate(5).ok());
  EXPECT_EQ(Bytes(disk, "a/b/f"), "abcxy");
  EXPECT_EQ(*disk.List("a"), (std::vector<std::string>{"b"}));
  EXPECT_EQ(*disk.List("a/b/"), (std::vector<std::string>{"f"}));
  EXPECT_EQ(disk.Remove("a/b").code(), Code::kFailedPrecondition);
  ASSERT_TRUE(disk.Rename("a/b/f", "a/g").ok());
  EXPECT_FALSE(disk.Exists("a/b/f"));
  ASSERT_TRUE(disk.Remove("a/g").ok());
  ASSERT_TRUE(disk.Remove("a/b").ok());
  EXPECT_EQ(disk.Open("a/g", Disk::Mode::kRead).status().code(), Code::kNotFound);
  EXPECT_EQ(disk.Open("no/g", Disk::Mode::kCreate).status().code(), Code::kNotFound);
  EXPECT_EQ((*file)->Map(1), "");
}

TEST(FaultDiskTest, WhatWasSyncedSurvivesEveryCrash) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    FaultDisk disk(seed);
    const auto file = Create(disk, "f");
    ASSERT_TRUE(file->WriteAt(0, "kept").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->WriteAt(4, "perhaps").ok());
    disk.Crash();
    EXPECT_EQ(Bytes(disk, "f").substr(0, 4), "kept");
    EXPECT_EQ(file->WriteAt(0, "x").code(), Code::kUnavailable);  // of before the crash
  }
}

TEST(FaultDiskTest, AnUnsyncedWriteIsLostKeptTornOrZeros) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 400; ++seed) {
    FaultDisk disk(seed);
    const auto file = Create(disk, "f");
    ASSERT_TRUE(file->WriteAt(0, "abc").ok());
    disk.Crash();
    seen.insert(Bytes(disk, "f"));
  }
  using namespace std::string_literals;
  EXPECT_EQ(seen, (std::set<std::string>{"", "a", "ab", "abc", "\0bc"s, "\0\0c"s, "\0\0\0"s}));
}

TEST(FaultDiskTest, UnsyncedWritesSurviveIndependently) {
  std::set<std::pair<bool, bool>> seen;
  for (uint64_t seed = 0; seed < 200; ++seed) {
    FaultDisk disk(seed);
    const auto file = Create(disk, "f");
    ASSERT_TRUE(file->WriteAt(0, "..").ok());
    ASSERT_TRUE(file->Sync().ok());
    ASSERT_TRUE(file->WriteAt(0, "1").ok());
    ASSERT_TRUE(file->WriteAt(1, "2").ok());
    disk.Crash();
    const std::string bytes = Bytes(disk, "f");
    seen.insert({bytes[0] == '1', bytes[1] == '2'});
  }
  EXPECT_EQ(seen.size(), 4U);  // the later one may survive alone
}

TEST(FaultDiskTest, ANameIsDurableOnlyAfterItsFolderWasSynced) {
  int without = 0;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    FaultDisk disk(seed);
    auto file = disk.Open("f", Disk::Mode::kCreate);
    ASSERT_TRUE((*file)->WriteAt(0, "x").ok());
    ASSERT_TRUE((*file)->Sync().ok());
    disk.Crash();
    without += disk.Exists("f") ? 0 : 1;
    if (disk.Exists("f")) {
      EXPECT_EQ(Bytes(disk, "f"), "x");
    }
  }
  EXPECT_GT(without, 10);
  EXPECT_LT(without, 54);
}

TEST(FaultDiskTest, RenameIsDurableAndARemovalMayComeBack) {
  int back = 0;
  for (uint64_t seed = 0; seed < 64; ++seed) {
    FaultDisk disk(seed);
    ASSERT_TRUE(Create(disk, "a")->WriteAt(0, "").ok());
    ASSERT_TRUE(disk.Rename("a", "b").ok());
    ASSERT_TRUE(disk.Remove("b").ok());
    disk.Crash();
    EXPECT_FALSE(disk.Exists("a"));
    back += disk.Exists("b") ? 1 : 0;
  }
  EXPECT_GT(back, 10);
  EXPECT_LT(back, 54);
}

TEST(FaultDiskTest, TheNthWriteFailsAndLeavesABeginning) {
  FaultDisk disk(3);
  const auto file = Create(disk, "f");
  disk.Fail(Op::kWrite, Error::kNoSpace, 2, 2);
  EXPECT_TRUE(file->WriteAt(0, "0000").ok());
  EXPECT_EQ(file->WriteAt(4, "1111").code(), Code::kResourceExhausted);
  EXPECT_EQ(file->WriteAt(8, "2222").code(), Code::kResourceExhausted);
  EXPECT_TRUE(file->WriteAt(12, "3333").ok());
  EXPECT_EQ(disk.count(Op::kWrite), 4U);
  EXPECT_EQ(Bytes(disk, "f").substr(0, 4), "0000");
  std::set<size_t> lengths;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    FaultDisk other(seed);
    const auto torn = Create(other, "f");
    other.Fail(Op::kWrite, Error::kIo);
    EXPECT_EQ(torn->WriteAt(0, "abc").code(), Code::kDataLoss);
    lengths.insert(*torn->Size());
  }
  EXPECT_EQ(lengths, (std::set<size_t>{0, 1, 2, 3}));
}

TEST(FaultDiskTest, FaultsMayBeForOnePathAndForEver) {
  FaultDisk disk(1);
  const auto log = Create(disk, "x.log");
  const auto other = Create(disk, "y");
  disk.Fail(Op::kSync, Error::kIo, 1, FaultDisk::kForEver, ".log");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(log->Sync().code(), Code::kDataLoss);
    EXPECT_TRUE(other->Sync().ok());
  }
  disk.Heal();
  EXPECT_TRUE(log->Sync().ok());
}

// What Linux does: after a failed fsync the page is clean, the next fsync is fine, and the bytes
// are gone.
TEST(FaultDiskTest, AFailedSyncLosesWhatALaterSyncDoesNotBringBack) {
  int lost = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    FaultDisk disk(seed);
    const auto file = Create(disk, "f");
    ASSERT_TRUE(file->WriteAt(0, "first").ok());
    disk.Fail(Op::kSync, Error::kIo);
    ASSERT_EQ(file->Sync().code(), Code::kDataLoss);
    EXPECT_EQ(Bytes(disk, "f"), "first");  // still in the cache
    ASSERT_TRUE(file->WriteAt(5, "second").ok());
    ASSERT_TRUE(file->Sync().ok());
    disk.Crash();
    const std::string after = Bytes(disk, "f");
    EXPECT_EQ(after.substr(5), "second");
    lost += after.substr(0, 5) == "first" ? 0 : 1;
  }
  EXPECT_GT(lost, 30);
  EXPECT_LT(lost, 95);
}

TEST(FaultDiskTest, ACapacityCutsTheWriteThatPassesIt) {
  FaultDisk disk(1);
  const auto file = Create(disk, "f");
  disk.SetCapacity(10);
  EXPECT_EQ(*disk.FreeBytes(""), 10U);
  EXPECT_TRUE(file->WriteAt(0, "12345678").ok());
  EXPECT_EQ(file->WriteAt(8, "abcd").code(), Code::kResourceExhausted);
  EXPECT_EQ(Bytes(disk, "f"), "12345678ab");
  EXPECT_TRUE(file->WriteAt(0, "over").ok());  // takes no more room
  EXPECT_EQ(*disk.FreeBytes(""), 0U);
  EXPECT_EQ(Create(disk, "g")->WriteAt(0, "x").code(), Code::kResourceExhausted);
}

TEST(FaultDiskTest, WithoutPowerEverythingIsUnavailable) {
  FaultDisk disk(1);
  const auto file = Create(disk, "f");
  ASSERT_TRUE(file->WriteAt(0, "kept").ok());
  ASSERT_TRUE(file->Sync().ok());
  disk.PowerOffAfter(1);
  EXPECT_TRUE(file->WriteAt(4, "perhaps").ok());
  EXPECT_EQ(file->Sync().code(), Code::kUnavailable);
  EXPECT_EQ(file->WriteAt(0, "x").code(), Code::kUnavailable);
  EXPECT_EQ(disk.Open("f", Disk::Mode::kRead).status().code(), Code::kUnavailable);
  EXPECT_EQ(disk.Remove("f").code(), Code::kUnavailable);
  disk.Crash();
  EXPECT_EQ(Bytes(disk, "f").substr(0, 4), "kept");
}

// A random life against a model that knows only: bytes synced and not written since are what they
// were.
RC_GTEST_PROP(FaultDiskProperty, SyncedBytesNotWrittenSinceSurvive, (uint64_t seed)) {
  FaultDisk disk(seed);
  Rng rng(seed ^ 1);
  const auto file = Create(disk, "f");
  std::string now(64, '.');
  ASSERT_TRUE(file->WriteAt(0, now).ok());
  ASSERT_TRUE(file->Sync().ok());
  std::vector<bool> certain(now.size(), true);
  for (int step = 0; step < 40; ++step) {
    const size_t at = rng.Below(now.size());
    const size_t length = 1 + rng.Below(now.size() - at);
    const std::string bytes(length, static_cast<char>('a' + step % 26));
    ASSERT_TRUE(file->WriteAt(at, bytes).ok());
    now.replace(at, length, bytes);
    std::fill_n(certain.begin() + static_cast<std::ptrdiff_t>(at), length, false);
    if (rng.Chance(0.2)) {
      ASSERT_TRUE(file->Sync().ok());
      certain.assign(now.size(), true);
    }
  }
  disk.Crash();
  const std::string after = Bytes(disk, "f");
  RC_ASSERT(after.size() == now.size());
  for (size_t i = 0; i < now.size(); ++i) {
    RC_ASSERT(!certain[i] || after[i] == now[i]);
  }
}

}  // namespace
}  // namespace hoego
