#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/mutex.h"
#include "base/random.h"

namespace hoego {

// A disk in memory that fails when told to and forgets what was not synced: for tests of what must
// survive.
//
// What it promises is what POSIX does, and no more:
// - written bytes are durable once File::Sync returned ok; a file's name once SyncFolder of its
// folder did (syncing a
//   new file does not keep its name). Rename syncs its folders, MakeFolder is durable at once, as
//   on RealDisk.
// - after a failed Sync the unsynced bytes are still read back but no longer waiting: each may have
// reached the disk or
//   not, and a later Sync that returns ok does not bring them there (Linux marks such pages clean).
// - a failed write has written some part of its bytes.
// - Crash() keeps of each unsynced write nothing, all, its beginning, its end, or zeros in its
// place (a file grown
//   before its bytes came); of each unsynced name change all or nothing. The seed decides.
// Map gives nothing: callers read.
//
// Threads: any. Cost: every call locks; every byte is held up to three times.
class FaultDisk final : public Disk {
 public:
  enum class Op {
    kOpen,
    kRead,
    kWrite,
    kSync,
    kTruncate,
    kRename,
    kRemove,
    kMakeFolder,
    kSyncFolder
  };
  enum class Error { kNoSpace, kIo };  // ResourceExhausted, DataLoss

  explicit FaultDisk(uint64_t seed);
  ~FaultDisk() override;

  // From now on the nth call of `op` (1: the next) on a path that contains `path_part` fails, and
  // the `times` − 1 matching calls after it. Several faults may wait side by side.
  void Fail(Op op, Error error, uint64_t nth = 1, uint64_t times = 1, std::string path_part = "");
  static constexpr uint64_t kForEver = ~uint64_t{0};
  // Forgets faults that wait; a power that is off stays off.
  void Heal();
  // All files together; a write that would pass it is cut short and answers ResourceExhausted.
  void SetCapacity(uint64_t bytes);
  // Lets `changes` more calls that change anything through, and then answers Unavailable to all,
  // until Crash().
  void PowerOffAfter(uint64_t changes);
  // The power goes and comes back: what was not synced is lost (see above), open files answer
  // Unavailable for good.
  void Crash();
  // How often `op` was called, also when it failed.
  uint64_t count(Op op) const;
  // The calls that change anything so far: where PowerOffAfter may cut.
  uint64_t changes() const;

  Result<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status MakeFolder(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& folder) override;
  bool Exists(const std::string& path) override;
  Status SyncFolder(const std::string& path) override;
  Result<uint64_t> FreeBytes(const std::string& path) override;

 private:
  friend class FaultFile;
  struct Change {  // of one file's bytes; a truncation has no bytes
    uint64_t offset = 0;
    std::string bytes;
    bool truncate = false;
  };
  struct Inode {
    std::string now;      // what is read
    std::string durable;  // what a crash leaves for certain
    std::vector<Change> unsynced;
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;
  struct NameChange {  // old_path goes, new_path comes; either may be empty
    std::string old_path;
    std::string new_path;
    std::shared_ptr<Inode> inode;
  };
  struct Fault {
    Op op;
    Error error;
    uint64_t skip;  // matching calls to let through
    uint64_t times;
    std::string path_part;
  };

  Status Begin(Op op, const std::string& path) REQUIRES(mu_);  // counts, and fails when that is due
  static void Apply(const NameChange& change, Names& names);
  void MayReachDisk(const Change& change, std::string& bytes) REQUIRES(mu_);
  uint64_t UsedBytes() const REQUIRES(mu_);
  Status SyncNames(const std::string& folder) REQUIRES(mu_);
  Status Write(Inode& inode, const std::string& path, uint64_t offset, std::string_view bytes)
      REQUIRES(mu_);

  mutable Mutex mu_;
  Rng rng_ GUARDED_BY(mu_);
  Names names_ GUARDED_BY(mu_);
  Names durable_names_ GUARDED_BY(mu_);
  std::vector<NameChange> unsynced_names_ GUARDED_BY(mu_);
  std::set<std::string> folders_ GUARDED_BY(mu_);
  std::vector<Fault> faults_ GUARDED_BY(mu_);
  std::array<uint64_t, 9> counts_ GUARDED_BY(mu_){};
  uint64_t capacity_ GUARDED_BY(mu_) = kForEver;
  uint64_t changes_ GUARDED_BY(mu_) = 0;
  uint64_t power_off_at_ GUARDED_BY(mu_) = kForEver;  // in changes_
  uint64_t age_ GUARDED_BY(mu_) = 0;                  // crashes so far
};

}  // namespace hoego
