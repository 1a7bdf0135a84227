#include "base/disk.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/fault_disk.h"

namespace hoego {
namespace {

// A folder of its own for each test, removed with it.
class DiskTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = JoinPath(testing::TempDir(), "hoego_disk_XXXXXX");
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string Path(std::string_view name) const { return JoinPath(folder_, name); }
  std::unique_ptr<File> Open(std::string_view name, Disk::Mode mode = Disk::Mode::kCreate) {
    auto file = disk_.Open(Path(name), mode);
    EXPECT_TRUE(file.ok()) << file.status().ToString();
    return file.ok() ? std::move(*file) : nullptr;
  }

  Disk& disk_ = RealDisk();
  std::string folder_;
};

TEST_F(DiskTest, ReadsWhatWasWrittenAnywhere) {
  const auto file = Open("f");
  ASSERT_TRUE(file->WriteAt(5, "world").ok());
  ASSERT_TRUE(file->WriteAt(0, "hello").ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(*file->Size(), 10U);
  std::array<char, 8> out{};
  EXPECT_EQ(*file->ReadAt(3, out), 7U);
  EXPECT_EQ(std::string(out.data(), 7), "loworld");
  EXPECT_EQ(*file->ReadAt(10, out), 0U);
  EXPECT_EQ(*file->ReadAt(1000, out), 0U);
}

TEST_F(DiskTest, TruncateCutsAndGrowsWithZeros) {
  const auto file = Open("f");
  ASSERT_TRUE(file->WriteAt(0, "hello").ok());
  ASSERT_TRUE(file->Truncate(2).ok());
  ASSERT_TRUE(file->Truncate(4).ok());
  EXPECT_EQ(*ReadWholeFile(disk_, Path("f")), std::string_view("he\0\0", 4));
}

TEST_F(DiskTest, AViewStaysValidAndSeesLaterWritesWhileTheFileGrows) {
  const auto file = Open("f");
  ASSERT_TRUE(file->WriteAt(0, "first").ok());
  const std::string_view early = file->Map(5);
  ASSERT_EQ(early, "first");
  EXPECT_EQ(file->Map(0), "");
  // Beyond the first mapping of 16 MiB, and beyond what its successor covers.
  for (const uint64_t size : {17ULL << 20, 70ULL << 20}) {
    ASSERT_TRUE(file->Truncate(size).ok());
    ASSERT_TRUE(file->WriteAt(size - 4, "last").ok());
    const std::string_view all = file->Map(size);
    ASSERT_EQ(all.size(), size);
    EXPECT_EQ(all.substr(size - 4), "last");
    EXPECT_EQ(early, "first");
  }
  ASSERT_TRUE(file->WriteAt(0, "FIRST").ok());
  EXPECT_EQ(early, "FIRST");
  EXPECT_EQ(file->Map(5).data(), file->Map(1 << 20).data());  // no new mapping for what is mapped
}

TEST_F(DiskTest, MapsAFileOpenedToRead) {
  ASSERT_TRUE(Open("f")->WriteAt(0, "abc").ok());
  const auto file = Open("f", Disk::Mode::kRead);
  EXPECT_EQ(file->Map(3), "abc");
  EXPECT_FALSE(file->WriteAt(0, "x").ok());
}

TEST_F(DiskTest, NamesWhatIsMissing) {
  const auto missing = disk_.Open(Path("none"), Disk::Mode::kReadWrite);
  EXPECT_EQ(missing.status().code(), Code::kNotFound);
  EXPECT_EQ(missing.status().message(), "open " + Path("none") + ": No such file or directory");
  EXPECT_EQ(disk_.Open(Path("no/folder"), Disk::Mode::kCreate).status().code(), Code::kNotFound);
  EXPECT_EQ(disk_.Remove(Path("none")).code(), Code::kNotFound);
  EXPECT_EQ(disk_.Rename(Path("none"), Path("x")).code(), Code::kNotFound);
  EXPECT_EQ(disk_.List(Path("none")).status().code(), Code::kNotFound);
  EXPECT_EQ(disk_.SyncFolder(Path("none")).code(), Code::kNotFound);
  EXPECT_EQ(disk_.FreeBytes(Path("none")).status().code(), Code::kNotFound);
  EXPECT_FALSE(disk_.Exists(Path("none")));
}

// The kernel's own full disk.
TEST_F(DiskTest, AFullDiskIsResourceExhausted) {
  auto full = disk_.Open("/dev/full", Disk::Mode::kReadWrite);
  if (!full.ok()) {
    GTEST_SKIP() << "no /dev/full here";
  }
  EXPECT_EQ((*full)->WriteAt(0, "x").code(), Code::kResourceExhausted);
}

TEST_F(DiskTest, MakesFoldersWithTheirParents) {
  ASSERT_TRUE(disk_.MakeFolder(Path("a/b/c")).ok());
  ASSERT_TRUE(disk_.MakeFolder(Path("a/b/c/")).ok());
  EXPECT_TRUE(disk_.Exists(Path("a/b/c")));
  ASSERT_TRUE(Open("a/file")->WriteAt(0, "x").ok());
  EXPECT_FALSE(disk_.MakeFolder(Path("a/file")).ok());
  EXPECT_FALSE(disk_.MakeFolder(Path("a/file/deeper")).ok());
}

TEST_F(DiskTest, ListsNamesInOrder) {
  for (const std::string_view name : {"b", "a", "c"}) {
    Open(name);
  }
  ASSERT_TRUE(disk_.MakeFolder(Path("ab")).ok());
  EXPECT_EQ(*disk_.List(folder_), (std::vector<std::string>{"a", "ab", "b", "c"}));
  ASSERT_TRUE(disk_.Remove(Path("ab")).ok());
  ASSERT_TRUE(disk_.Remove(Path("a")).ok());
  EXPECT_EQ(*disk_.List(folder_), (std::vector<std::string>{"b", "c"}));
}

TEST_F(DiskTest, RenameReplaces) {
  ASSERT_TRUE(Open("new")->WriteAt(0, "new").ok());
  ASSERT_TRUE(Open("old")->WriteAt(0, "old").ok());
  ASSERT_TRUE(disk_.MakeFolder(Path("sub")).ok());
  ASSERT_TRUE(disk_.Rename(Path("new"), Path("old")).ok());
  ASSERT_TRUE(disk_.Rename(Path("old"), Path("sub/moved")).ok());
  EXPECT_EQ(*ReadWholeFile(disk_, Path("sub/moved")), "new");
  EXPECT_FALSE(disk_.Exists(Path("old")));
}

TEST_F(DiskTest, WritesFilesAtomicallyAndReadsThemWhole) {
  const std::string big(300'000, 'x');
  for (const std::string& bytes : {std::string("first"), big, std::string()}) {
    ASSERT_TRUE(WriteFileAtomically(disk_, Path("state"), bytes).ok());
    EXPECT_EQ(*ReadWholeFile(disk_, Path("state")), bytes);
  }
  EXPECT_EQ(disk_.List(folder_)->size(), 1U);  // no sibling left
}

// Its size says 0, yet it has bytes.
TEST_F(DiskTest, ReadsFilesWhoseSizeIsNotTold) {
  const auto text = ReadWholeFile(disk_, "/proc/self/status");
  ASSERT_TRUE(text.ok());
  EXPECT_NE(text->find("VmSize"), std::string::npos);
}

TEST_F(DiskTest, TellsFreeSpace) {
  EXPECT_GT(*disk_.FreeBytes(folder_), 0U);
}

TEST(JoinPathTest, PutsOneSlashBetween) {
  EXPECT_EQ(JoinPath("a", "b"), "a/b");
  EXPECT_EQ(JoinPath("a/", "b"), "a/b");
  EXPECT_EQ(JoinPath("/", "b"), "/b");
  EXPECT_EQ(JoinPath("", "b"), "b");
}

TEST_F(DiskTest, ASecondHolderOfAFolderIsRefusedByName) {
  {
    auto lock = FolderLock::Take(folder_);
    ASSERT_TRUE(lock.ok()) << lock.status().ToString();
    const auto second = FolderLock::Take(folder_);
    EXPECT_EQ(second.status().code(), Code::kFailedPrecondition);
    EXPECT_EQ(second.status().message(),
              fmt::format("folder {} is in use by process {}: one server or command a folder",
                          folder_, ::getpid()));
    const FolderLock moved = std::move(*lock);
    EXPECT_FALSE(FolderLock::Take(folder_).ok());
  }
  EXPECT_TRUE(FolderLock::Take(folder_).ok());
  EXPECT_EQ(FolderLock::Take(Path("none")).status().code(), Code::kNotFound);
}

TEST_F(DiskTest, AMovedOverLockIsLetGo) {
  ASSERT_TRUE(disk_.MakeFolder(Path("a")).ok());
  ASSERT_TRUE(disk_.MakeFolder(Path("b")).ok());
  {
    auto a = FolderLock::Take(Path("a"));
    auto b = FolderLock::Take(Path("b"));
    ASSERT_TRUE(a.ok() && b.ok());
    *a = std::move(*b);
    EXPECT_TRUE(FolderLock::Take(Path("a")).ok());
    EXPECT_FALSE(FolderLock::Take(Path("b")).ok());
  }
  EXPECT_TRUE(FolderLock::Take(Path("a")).ok());
  EXPECT_TRUE(FolderLock::Take(Path("b")).ok());
}

// Every step of the atomic write fails in turn, and the power goes after every step: old or new,
// never a mixture.
TEST(WriteFileAtomicallyTest, LeavesOldOrNewWhateverFails) {
  const std::string old_bytes = "old bytes";
  const std::string new_bytes = "the new bytes, longer than before";
  int kept = 0;
  int replaced = 0;
  for (uint64_t seed = 0; seed < 300; ++seed) {
    FaultDisk disk(seed);
    ASSERT_TRUE(disk.MakeFolder("d").ok());
    ASSERT_TRUE(WriteFileAtomically(disk, "d/state", old_bytes).ok());
    disk.PowerOffAfter(seed % 8);
    const Status written = WriteFileAtomically(disk, "d/state", new_bytes);
    disk.Crash();
    const auto after = ReadWholeFile(disk, "d/state");
    ASSERT_TRUE(after.ok()) << seed << after.status().ToString();
    ASSERT_TRUE(*after == old_bytes || *after == new_bytes) << seed << *after;
    ASSERT_TRUE(!written.ok() || *after == new_bytes) << seed;
    ++(*after == old_bytes ? kept : replaced);
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(replaced, 0);
}

TEST(WriteFileAtomicallyTest, SaysWhatFailedAndCleansUp) {
  FaultDisk disk(1);
  ASSERT_TRUE(WriteFileAtomically(disk, "state", "old").ok());
  disk.Fail(FaultDisk::Op::kWrite, FaultDisk::Error::kNoSpace);
  EXPECT_EQ(WriteFileAtomically(disk, "state", "new").code(), Code::kResourceExhausted);
  disk.Fail(FaultDisk::Op::kSync, FaultDisk::Error::kIo);
  EXPECT_EQ(WriteFileAtomically(disk, "state", "new").code(), Code::kDataLoss);
  EXPECT_EQ(*disk.List(""), (std::vector<std::string>{"state"}));
  EXPECT_EQ(*ReadWholeFile(disk, "state"), "old");
}

}  // namespace
}  // namespace hoego
