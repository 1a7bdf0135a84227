// SQLite on a disk that fails when told to and that, when the power goes, has kept only what was
// synced and some torn part of the rest. SQLite does its own file work, so this stands between it
// and the real files as a VFS (sqlite.org/vfs.html).

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <latch>
#include <map>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "storage/database.h"
#include "storage/temp_folder.h"

namespace hoego::storage {
namespace {

constexpr size_t kSector = 512;

// What a file would be after a loss of power.
struct Image {
  struct Change {
    bool truncates = false;
    size_t at = 0;
    std::string bytes;
  };
  std::string synced;
  std::vector<Change> pending;

  static void Apply(std::string& file, const Change& change) {
    if (change.truncates) {
      file.resize(change.at);
      return;
    }
    file.resize(std::max(file.size(), change.at + change.bytes.size()));
    file.replace(change.at, change.bytes.size(), change.bytes);
  }
  void Sync() {
    for (const Change& change : pending) {
      Apply(synced, change);
    }
    pending.clear();
  }
  // Of what was not synced, any sectors may have reached the disk.
  std::string AfterPowerLoss(Rng& rng) const {
    std::string file = synced;
    for (const Change& change : pending) {
      if (change.truncates) {
        if (rng.Chance(0.5)) {
          Apply(file, change);
        }
        continue;
      }
      for (size_t from = 0; from < change.bytes.size(); from += kSector) {
        if (rng.Chance(0.5)) {
          Apply(file, {false, change.at + from, change.bytes.substr(from, kSector)});
        }
      }
    }
    return file;
  }
};

// The disk under test; one at a time. Threads: any.
struct FaultyDisk {
  std::mutex mu;
  std::map<std::string, Image> images;
  uint64_t writes = 0;
  uint64_t syncs = 0;
  int failing_write = SQLITE_OK;  // what writes answer from now on
  int failing_sync = SQLITE_OK;
  std::function<void(uint64_t writes)> on_write;  // called under mu

  void SavePowerLoss(const std::string& folder, Rng& rng) const {
    std::filesystem::create_directories(folder);
    for (const auto& [path, image] : images) {
      std::ofstream(folder + "/" + std::filesystem::path(path).filename().string(),
                    std::ios::binary)
          << image.AfterPowerLoss(rng);
    }
  }
};
FaultyDisk* g_disk = nullptr;

struct FaultyFile {
  sqlite3_file base;
  sqlite3_file* real;
  Image* image;  // null: not a file that must survive
};

FaultyFile& Of(sqlite3_file* file) {
  return *reinterpret_cast<FaultyFile*>(file);
}
sqlite3_file* Real(sqlite3_file* file) {
  return Of(file).real;
}

int Close(sqlite3_file* file) {
  return Real(file)->pMethods->xClose(Real(file));
}
int Read(sqlite3_file* file, void* out, int bytes, sqlite3_int64 at) {
  return Real(file)->pMethods->xRead(Real(file), out, bytes, at);
}
int Write(sqlite3_file* file, const void* data, int bytes, sqlite3_int64 at) {
  if (Of(file).image != nullptr) {
    const std::lock_guard lock(g_disk->mu);
    if (g_disk->failing_write != SQLITE_OK) {
      return g_disk->failing_write;
    }
    ++g_disk->writes;
    Of(file).image->pending.push_back(
        {false, static_cast<size_t>(at),
         std::string(static_cast<const char*>(data), static_cast<size_t>(bytes))});
    if (g_disk->on_write) {
      g_disk->on_write(g_disk->writes);
    }
  }
  return Real(file)->pMethods->xWrite(Real(file), data, bytes, at);
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (Of(file).image != nullptr) {
    const std::lock_guard lock(g_disk->mu);
    Of(file).image->pending.push_back({true, static_cast<size_t>(size), ""});
  }
  return Real(file)->pMethods->xTruncate(Real(file), size);
}
int Sync(sqlite3_file* file, int flags) {
  if (Of(file).image != nullptr) {
    const std::lock_guard lock(g_disk->mu);
    if (g_disk->failing_sync != SQLITE_OK) {
      return g_disk->failing_sync;
    }
    ++g_disk->syncs;
    Of(file).image->Sync();
  }
  return Real(file)->pMethods->xSync(Real(file), flags);
}
int Size(sqlite3_file* file, sqlite3_int64* out) {
  return Real(file)->pMethods->xFileSize(Real(file), out);
}
int LockFile(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xLock(Real(file), level);
}
int UnlockFile(sqlite3_file* file, int level) {
  return Real(file)->pMethods->xUnlock(Real(file), level);
}
int Reserved(sqlite3_file* file, int* out) {
  return Real(file)->pMethods->xCheckReservedLock(Real(file), out);
}
int Control(sqlite3_file* file, int op, void* arg) {
  return Real(file)->pMethods->xFileControl(Real(file), op, arg);
}
int SectorSize(sqlite3_file* file) {
  return Real(file)->pMethods->xSectorSize(Real(file));
}
int Character(sqlite3_file* file) {
  return Real(file)->pMethods->xDeviceCharacteristics(Real(file));
}
int ShmMap(sqlite3_file* file, int page, int bytes, int extend, volatile void** out) {
  return Real(file)->pMethods->xShmMap(Real(file), page, bytes, extend, out);
}
int ShmLock(sqlite3_file* file, int at, int n, int flags) {
  return Real(file)->pMethods->xShmLock(Real(file), at, n, flags);
}
void ShmBarrier(sqlite3_file* file) {
  Real(file)->pMethods->xShmBarrier(Real(file));
}
int ShmUnmap(sqlite3_file* file, int remove) {
  return Real(file)->pMethods->xShmUnmap(Real(file), remove);
}

constexpr sqlite3_io_methods kMethods = {2,          Close,      Read,      Write,      Truncate,
                                         Sync,       Size,       LockFile,  UnlockFile, Reserved,
                                         Control,    SectorSize, Character, ShmMap,     ShmLock,
                                         ShmBarrier, ShmUnmap,   nullptr,   nullptr};

sqlite3_vfs* RealVfs(sqlite3_vfs* vfs) {
  return static_cast<sqlite3_vfs*>(vfs->pAppData);
}

int Open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* out, int flags, int* out_flags) {
  FaultyFile& file = Of(out);
  file = {};
  file.real = reinterpret_cast<sqlite3_file*>(&file + 1);
  const int code = RealVfs(vfs)->xOpen(RealVfs(vfs), name, file.real, flags, out_flags);
  if (code != SQLITE_OK) {
    return code;
  }
  if (name != nullptr &&
      (flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0) {
    const std::lock_guard lock(g_disk->mu);
    file.image = &g_disk->images[name];
  }
  file.base.pMethods = &kMethods;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  {
    const std::lock_guard lock(g_disk->mu);
    if (const auto found = g_disk->images.find(name); found != g_disk->images.end()) {
      found->second = {};
    }
  }
  return RealVfs(vfs)->xDelete(RealVfs(vfs), name, sync_folder);
}

// Puts the faulty disk under every file that SQLite opens while it lives.
class UnderFaultyDisk {
 public:
  UnderFaultyDisk() : real_(sqlite3_vfs_find(nullptr)), vfs_(*real_) {
    vfs_.zName = "hoego-faulty";
    vfs_.szOsFile = static_cast<int>(sizeof(FaultyFile)) + real_->szOsFile;
    vfs_.pAppData = real_;
    vfs_.pNext = nullptr;
    vfs_.xOpen = Open;
    vfs_.xDelete = Delete;
    g_disk = &disk_;
    sqlite3_vfs_register(&vfs_, 1);
  }
  UnderFaultyDisk(const UnderFaultyDisk&) = delete;
  UnderFaultyDisk& operator=(const UnderFaultyDisk&) = delete;
  ~UnderFaultyDisk() {
    sqlite3_vfs_unregister(&vfs_);
    sqlite3_vfs_register(real_, 1);
    g_disk = nullptr;
  }
  FaultyDisk* operator->() { return &disk_; }

 private:
  sqlite3_vfs* real_;
  sqlite3_vfs vfs_;
  FaultyDisk disk_;
};

constexpr std::array<Migration, 1> kNotes = {
    Migration{1,
              "CREATE TABLE notes (id BIGINT NOT NULL, half BIGINT NOT NULL, text TEXT, PRIMARY "
              "KEY (id, half))"}};

Status AddNote(Database& database, int64_t id, size_t bytes = 100) {
  return database.Write([&](Transaction& t) {
    for (int64_t half = 0; half < 2; ++half) {
      const std::vector<Value> row = {id, half, std::string(bytes, 'n')};
      HOEGO_TRY(t.Execute("INSERT INTO notes (id, half, text) VALUES (?, ?, ?)", row).status());
    }
    return Status{};
  });
}

std::set<int64_t> Notes(const Database& database) {
  std::set<int64_t> ids;
  const Status read =
      database.Query("SELECT id, count(*) FROM notes GROUP BY id", {}, [&](const Row& row) {
        EXPECT_EQ(row.Int(1), 2) << "note " << row.Int(0) << " is half";
        ids.insert(row.Int(0));
        return Status{};
      });
  EXPECT_TRUE(read.ok()) << read.ToString();
  return ids;
}

std::unique_ptr<Database> OpenNotes(const std::string& folder) {
  auto database = OpenSqlite(folder + "/meta.db");
  EXPECT_TRUE(database.ok()) << database.status().ToString();
  EXPECT_TRUE((*database)->Migrate("notes", kNotes).ok());
  return std::move(database).value();
}

// The power goes at some hundred writes of the disk, in the middle of commits and of check-points;
// each time the files as they would be found are put aside, opened afterwards and compared with
// what had been acknowledged by then.
TEST(SqliteFaultTest, LossOfPowerAnywhereKeepsWhatWasAcknowledged) {
  struct Cut {
    std::string folder;
    std::set<int64_t> acknowledged;
  };
  const TempFolder folder;
  std::vector<Cut> cuts;
  std::mutex mu;
  std::set<int64_t> acknowledged;
  {
    UnderFaultyDisk disk;
    const auto database = OpenNotes(folder / "live");
    Rng rng(7);
    disk->on_write = [&](uint64_t) {
      if (!rng.Chance(0.05)) {
        return;
      }
      const std::lock_guard lock(mu);
      cuts.push_back({folder / ("cut" + std::to_string(cuts.size())), acknowledged});
      disk->SavePowerLoss(cuts.back().folder, rng);
    };
    std::vector<std::jthread> threads;
    for (int64_t t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int64_t i = 0; i < 80; ++i) {
          const int64_t id = t * 1'000 + i;
          ASSERT_TRUE(AddNote(*database, id, i % 10 == 0 ? 60'000 : 300).ok());
          const std::lock_guard lock(mu);
          acknowledged.insert(id);
        }
      });
    }
    threads.clear();
    disk->on_write = nullptr;
  }
  ASSERT_GE(cuts.size(), 30u);
  for (const Cut& cut : cuts) {
    const auto database = OpenNotes(cut.folder);
    const std::set<int64_t> held = Notes(*database);
    EXPECT_TRUE(
        std::includes(held.begin(), held.end(), cut.acknowledged.begin(), cut.acknowledged.end()))
        << cut.folder;
    EXPECT_TRUE(database->Check().ok());
  }
}

TEST(SqliteFaultTest, SyncsBeforeItAcknowledgesAndOnceForAllWhoWait) {
  const TempFolder folder;
  UnderFaultyDisk disk;
  const auto database = OpenNotes(folder.path());
  uint64_t before = disk->syncs;
  for (int64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(AddNote(*database, i).ok());
    ASSERT_GT(disk->syncs, before);
    before = disk->syncs;
  }
  {
    std::vector<std::jthread> threads;
    for (int64_t t = 1; t <= 8; ++t) {
      threads.emplace_back([&, t] {
        for (int64_t i = 0; i < 50; ++i) {
          EXPECT_TRUE(AddNote(*database, t * 1'000 + i).ok());
        }
      });
    }
  }
  EXPECT_LT(disk->syncs - before, 300u);  // 400 writes
}

TEST(SqliteFaultTest, AFullDiskRefusesTheWriteAndNothingElse) {
  const TempFolder folder;
  UnderFaultyDisk disk;
  const auto database = OpenNotes(folder.path());
  ASSERT_TRUE(AddNote(*database, 1).ok());
  disk->failing_write = SQLITE_FULL;
  const Status full = AddNote(*database, 2);
  EXPECT_EQ(full.code(), Code::kResourceExhausted) << full.ToString();
  EXPECT_EQ(Notes(*database), std::set<int64_t>({1}));
  disk->failing_write = SQLITE_OK;
  EXPECT_TRUE(AddNote(*database, 3).ok());
  EXPECT_EQ(Notes(*database), std::set<int64_t>({1, 3}));
}

// The first to write stays long enough for the others to stand in line, so they share its commit,
// which then fails.
TEST(SqliteFaultTest, AFailedCommitFailsAllWhoShareIt) {
  constexpr int kOthers = 5;
  const TempFolder folder;
  UnderFaultyDisk disk;
  const auto database = OpenNotes(folder.path());
  disk->failing_sync = SQLITE_IOERR_FSYNC;
  std::latch begun(kOthers);
  std::vector<std::jthread> others;
  const Status first = database->Write([&](Transaction& t) {
    for (int64_t o = 0; o < kOthers; ++o) {
      others.emplace_back([&, o] {
        begun.count_down();
        EXPECT_FALSE(AddNote(*database, 1'000'000 + o).ok());
      });
    }
    begun.wait();
    for (int64_t id = 0; id < 20'000; ++id) {
      const std::vector<Value> row = {id / 2, id % 2};
      HOEGO_TRY(t.Execute("INSERT INTO notes (id, half) VALUES (?, ?)", row).status());
    }
    return Status{};
  });
  EXPECT_EQ(first.code(), Code::kDataLoss) << first.ToString();
  others.clear();
  EXPECT_TRUE(Notes(*database).empty());
}

// After a failed sync the kernel may have dropped what it could not write and call the next sync a
// success.
TEST(SqliteFaultTest, AfterAFailedSyncNothingIsAcknowledgedUntilOpenedAgain) {
  const TempFolder folder;
  UnderFaultyDisk disk;
  {
    const auto database = OpenNotes(folder.path());
    ASSERT_TRUE(AddNote(*database, 1).ok());
    disk->failing_sync = SQLITE_IOERR_FSYNC;
    EXPECT_EQ(AddNote(*database, 2).code(), Code::kDataLoss);
    disk->failing_sync = SQLITE_OK;
    const Status stopped = AddNote(*database, 3);
    EXPECT_EQ(stopped.code(), Code::kUnavailable);
    EXPECT_NE(stopped.message().find("opened again"), std::string_view::npos) << stopped.ToString();
    EXPECT_EQ(Notes(*database), std::set<int64_t>({1}));
    EXPECT_EQ(database->Migrate("other", {}).code(), Code::kUnavailable);
  }
  const auto database = OpenNotes(folder.path());
  EXPECT_TRUE(AddNote(*database, 4).ok());
  const std::set<int64_t> held = Notes(*database);
  EXPECT_TRUE(held.contains(1) && held.contains(4) && !held.contains(3));
}

}  // namespace
}  // namespace hoego::storage
