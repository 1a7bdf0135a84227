#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/fault_disk.h"
#include "base/random.h"
#include "storage/blob_store.h"
#include "storage/blob_store_contract.h"
#include "storage/temp_folder.h"

namespace hoego::storage {
namespace {

struct Local {
  static Result<std::unique_ptr<BlobStore>> Open(const std::string& folder) {
    return OpenLocalBlobStore(RealDisk(), folder);
  }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Local, BlobStoreContract, ::testing::Types<Local>);

std::unique_ptr<BlobStore> MustOpen(Disk& disk, const std::string& folder) {
  auto store = OpenLocalBlobStore(disk, folder);
  EXPECT_TRUE(store.ok()) << store.status().ToString();
  return std::move(store).value();
}

std::string PathOf(const std::string& folder, const std::string& digest) {
  return folder + "/" + digest.substr(0, 2) + "/" + digest.substr(2, 2) + "/" + digest;
}

void Overwrite(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LocalBlobStoreTest, SpreadsBlobsOverTwoLevelsOfFolders) {
  const TempFolder folder;
  const auto store = MustOpen(RealDisk(), folder.path());
  ASSERT_TRUE(store->Put("abc").ok());
  EXPECT_EQ(
      ReadFile(folder / "ba/78/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      "abc");
}

TEST(LocalBlobStoreTest, RemovesWhatKilledPutsLeft) {
  const TempFolder folder;
  { MustOpen(RealDisk(), folder.path()); }
  Overwrite(folder / "tmp/0123456789abcdef-0", "half");
  Overwrite(folder / "tmp/0123456789abcdef-1", "");
  const auto store = MustOpen(RealDisk(), folder.path());
  EXPECT_TRUE(std::filesystem::is_empty(folder / "tmp"));
}

TEST(LocalBlobStoreTest, OverlooksWhatIsNotABlob) {
  const TempFolder folder;
  const auto store = MustOpen(RealDisk(), folder.path());
  const std::string digest = store->Put("abc").value();
  Overwrite(folder / "README", "x");
  Overwrite(folder / "ba/78/notes.txt", "x");
  std::filesystem::create_directories(folder / "zz/00");
  std::filesystem::create_directories(folder / "00/11");
  Overwrite(folder / "00/11/" + digest,
            "abc");  // in the wrong place: could not be found by its name
  int seen = 0;
  EXPECT_TRUE(store
                  ->ForEach([&](std::string_view found, uint64_t bytes) {
                    ++seen;
                    EXPECT_EQ(found, digest);
                    EXPECT_EQ(bytes, 3u);
                    return Status{};
                  })
                  .ok());
  EXPECT_EQ(seen, 1);
}

TEST(LocalBlobStoreTest, NeverGivesOutAlteredBytes) {
  const TempFolder folder;
  const auto store = MustOpen(RealDisk(), folder.path());
  const std::string good = store->Put("good").value();
  const std::string bytes(3'000'000, 'b');
  const std::string bad = store->Put(bytes).value();
  std::string flipped = bytes;
  flipped[2'999'999] ^= 1;
  Overwrite(folder / "target", "before");
  for (const std::string& now : {flipped, bytes.substr(1), bytes + "x", std::string()}) {
    Overwrite(PathOf(folder.path(), bad), now);
    EXPECT_EQ(store->Get(bad).status().code(), Code::kDataLoss);
    EXPECT_EQ(store->GetToFile(bad, folder / "target").code(), Code::kDataLoss);
    EXPECT_EQ(ReadFile(folder / "target"), "before");
    EXPECT_EQ(store->Verify().value(), std::vector<std::string>{bad});
  }
  EXPECT_EQ(store->Get(good).value(), "good");
  // Putting it again heals it.
  EXPECT_EQ(store->Put(bytes).value(), bad);
  EXPECT_EQ(store->Get(bad).value(), bytes);
  EXPECT_TRUE(store->Verify().value().empty());
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    files += entry.is_regular_file() ? 1 : 0;
  }
  EXPECT_EQ(files, 1u) << "a .part file was left beside the target";
}

// Passes everything on and remembers the largest piece asked for.
class MeteredFile final : public File {
 public:
  MeteredFile(std::unique_ptr<File> file, std::atomic<size_t>& largest)
      : file_(std::move(file)), largest_(largest) {}
  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    largest_ = std::max<size_t>(largest_, bytes.size());
    return file_->WriteAt(offset, bytes);
  }
  Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    largest_ = std::max<size_t>(largest_, out.size());
    return file_->ReadAt(offset, out);
  }
  Status Sync() override { return file_->Sync(); }
  Status Truncate(uint64_t size) override { return file_->Truncate(size); }
  Result<uint64_t> Size() const override { return file_->Size(); }
  std::string_view Map(uint64_t size) override {
    largest_ = std::max<size_t>(largest_, size);
    return file_->Map(size);
  }

 private:
  std::unique_ptr<File> file_;
  std::atomic<size_t>& largest_;
};

class MeteredDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override {
    HOEGO_TRY_ASSIGN(auto file, RealDisk().Open(path, mode));
    return std::unique_ptr<File>(std::make_unique<MeteredFile>(std::move(file), largest));
  }
  Status Rename(const std::string& from, const std::string& to) override {
    return RealDisk().Rename(from, to);
  }
  Status Remove(const std::string& path) override { return RealDisk().Remove(path); }
  Status MakeFolder(const std::string& path) override { return RealDisk().MakeFolder(path); }
  Result<std::vector<std::string>> List(const std::string& folder) override {
    return RealDisk().List(folder);
  }
  bool Exists(const std::string& path) override { return RealDisk().Exists(path); }
  Status SyncFolder(const std::string& path) override { return RealDisk().SyncFolder(path); }
  Result<uint64_t> FreeBytes(const std::string& path) override {
    return RealDisk().FreeBytes(path);
  }
  std::atomic<size_t> largest = 0;
};

TEST(LocalBlobStoreTest, StreamsLargeFilesInPiecesOfAMebibyte) {
  const TempFolder folder;
  MeteredDisk disk;
  const auto store = MustOpen(disk, folder / "blobs");
  Overwrite(folder / "large", std::string((20u << 20) + 7, 'L'));
  const std::string digest = store->PutFile(folder / "large").value();
  EXPECT_EQ(store->PutFile(folder / "large").value(), digest);
  ASSERT_TRUE(store->GetToFile(digest, folder / "copy").ok());
  EXPECT_TRUE(store->Verify().value().empty());
  EXPECT_EQ(disk.largest, 1u << 20);
  EXPECT_EQ(ReadFile(folder / "copy"), ReadFile(folder / "large"));
}

// One workload on a disk whose power goes after every possible number of changes; each time the
// store is opened again: what had been acknowledged is there and whole, nothing is half, nothing is
// left over.
TEST(LocalBlobStoreTest, LossOfPowerAnywhereKeepsWhatWasAcknowledged) {
  constexpr int kBlobs = 6;
  bool finished = false;
  uint64_t cuts = 0;
  for (uint64_t cut = 0; !finished; ++cut, ++cuts) {
    for (uint64_t seed = 0; seed < 4; ++seed) {
      FaultDisk disk(cut * 4 + seed);
      disk.PowerOffAfter(cut);
      std::vector<std::pair<std::string, std::string>> acknowledged;
      auto opened = OpenLocalBlobStore(disk, "/data/blobs");
      if (opened.ok()) {
        for (int i = 0; i < kBlobs; ++i) {
          const std::string bytes(static_cast<size_t>(100 + 1'000 * i),
                                  static_cast<char>('a' + i % 5));
          if (auto digest = (*opened)->Put(bytes); digest.ok()) {
            acknowledged.emplace_back(*digest, bytes);
          }
        }
      }
      finished = acknowledged.size() == kBlobs;
      disk.Crash();
      const auto store = MustOpen(disk, "/data/blobs");
      for (const auto& [digest, bytes] : acknowledged) {
        const auto held = store->Get(digest);
        ASSERT_TRUE(held.ok()) << "cut " << cut << ": " << held.status().ToString();
        ASSERT_EQ(*held, bytes);
      }
      ASSERT_TRUE(store->Verify().value().empty()) << "cut " << cut;
      ASSERT_TRUE(disk.List("/data/blobs/tmp").value().empty());
    }
  }
  EXPECT_GT(cuts, 30u);
}

TEST(LocalBlobStoreTest, AFailingDiskRefusesThePutAndLeavesNothing) {
  using Op = FaultDisk::Op;
  for (const Op op :
       {Op::kOpen, Op::kWrite, Op::kSync, Op::kRename, Op::kMakeFolder, Op::kSyncFolder}) {
    for (const auto error : {FaultDisk::Error::kNoSpace, FaultDisk::Error::kIo}) {
      FaultDisk disk(1);
      const auto store = MustOpen(disk, "/blobs");
      ASSERT_TRUE(store->Put("before").ok());
      disk.Fail(op, error, 1, FaultDisk::kForEver);
      const Status status = store->Put("bytes").status();
      EXPECT_EQ(status.code(),
                error == FaultDisk::Error::kNoSpace ? Code::kResourceExhausted : Code::kDataLoss)
          << static_cast<int>(op) << " " << status.ToString();
      disk.Heal();
      EXPECT_TRUE(disk.List("/blobs/tmp").value().empty()) << static_cast<int>(op);
      EXPECT_TRUE(store->Put("bytes").ok()) << static_cast<int>(op);
      EXPECT_TRUE(store->Verify().value().empty());
    }
  }
}

TEST(LocalBlobStoreTest, AFullDiskStillReads) {
  FaultDisk disk(3);
  const auto store = MustOpen(disk, "/blobs");
  const std::string digest = store->Put(std::string(1'000, 'a')).value();
  disk.SetCapacity(1'500);
  EXPECT_EQ(store->Put(std::string(1'000, 'b')).status().code(), Code::kResourceExhausted);
  EXPECT_TRUE(store->Get(digest).ok());
  EXPECT_TRUE(store->Put(std::string(400, 'c')).ok()) << "the failed put still holds space";
}

// A child that puts blobs from two threads is killed at random moments.
TEST(LocalBlobStoreTest, KillingTheProcessLosesNothingAcknowledged) {
  constexpr int kKills = 32;
  const TempFolder folder;
  Rng rng(5);
  std::vector<std::string> acknowledged;
  for (int kill = 0; kill < kKills; ++kill) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe(ends.data()), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto store = OpenLocalBlobStore(RealDisk(), folder.path());
      std::vector<std::jthread> threads;
      for (int t = 0; store.ok() && t < 2; ++t) {
        threads.emplace_back([&, t] {
          for (int i = 0;; ++i) {
            const auto digest = (*store)->Put(std::to_string(kill) + "-" + std::to_string(t) + "-" +
                                              std::to_string(i) +
                                              std::string(static_cast<size_t>(i % 7) * 3'000, 'x'));
            if (!digest.ok() || ::write(ends[1], digest->data(), 64) != 64) {
              ::_exit(2);
            }
          }
        });
      }
      threads.clear();
      ::_exit(1);
    }
    ::close(ends[1]);
    std::string digest(64, '\0');
    const uint64_t reports = 1 + rng.Below(20);
    for (uint64_t n = 0; ::read(ends[0], digest.data(), 64) == 64;) {
      acknowledged.push_back(digest);
      if (++n == reports) {
        ::kill(child, SIGKILL);
      }
    }
    ::close(ends[0]);
    int how = 0;
    ASSERT_EQ(::waitpid(child, &how, 0), child);
    ASSERT_TRUE(WIFSIGNALED(how)) << how;
  }
  const auto store = MustOpen(RealDisk(), folder.path());
  for (const std::string& digest : acknowledged) {
    EXPECT_TRUE(store->Get(digest).ok()) << digest;
  }
  EXPECT_TRUE(store->Verify().value().empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder / "tmp"));
  EXPECT_GE(acknowledged.size(), static_cast<size_t>(kKills));
}

}  // namespace
}  // namespace hoego::storage
