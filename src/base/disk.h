#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego {

// An open file; the Disk it came from outlives it.
// Threads: reads and Map from any thread; writes, Truncate and Sync from one thread at a time.
class File {
 public:
  virtual ~File() = default;
  // Writes all bytes at the offset or fails; after a failure the bytes there are undefined. A gap
  // reads as zeros.
  virtual Status WriteAt(uint64_t offset, std::string_view bytes) = 0;
  // Fills `out` as far as the file goes; returns the bytes read.
  virtual Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const = 0;
  // fdatasync: what was written survives power loss once this returns ok (a new file's name: once
  // SyncFolder did). After a failure what was written may be lost though a later Sync returns ok:
  // do not go on with this file.
  virtual Status Sync() = 0;
  virtual Status Truncate(uint64_t size) = 0;
  virtual Result<uint64_t> Size() const = 0;
  // A read-only view of [0, size) that stays valid while the file object lives; sees later writes.
  // Empty when the implementation has none, or no address space is left: use ReadAt then. Cost: a
  // lock, when `size` is not mapped yet a system call. Pre: size does not pass the end when it is
  // read, and the file is not cut below it.
  virtual std::string_view Map(uint64_t size) = 0;
};

// The disk, passed in so that a test can fill it, break it and forget what was not synced
// (base/fault_disk.h). ENOSPC is ResourceExhausted, EIO DataLoss, a missing path NotFound, a
// refused one PermissionDenied. Threads: any.
class Disk {
 public:
  enum class Mode { kRead, kReadWrite, kCreate };  // kCreate: read and write, made when missing
  virtual ~Disk() = default;
  virtual Result<std::unique_ptr<File>> Open(const std::string& path, Mode mode) = 0;
  // Replaces `to`; the folders are synced, so this is durable.
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  // A file or an empty folder; durable once its folder is synced.
  virtual Status Remove(const std::string& path) = 0;
  // With its parents, durably; existing is fine.
  virtual Status MakeFolder(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> List(const std::string& folder) = 0;  // names, sorted
  virtual bool Exists(const std::string& path) = 0;
  virtual Status SyncFolder(const std::string& path) = 0;
  virtual Result<uint64_t> FreeBytes(const std::string& path) = 0;
};

Disk& RealDisk();

Result<std::string> ReadWholeFile(Disk& disk, const std::string& path);
// Write to the sibling PATH.tmp, sync, rename, sync the folder: afterwards the path holds the old
// bytes or all the new ones, also when this fails or the power goes. Pre: one writer a path at a
// time.
Status WriteFileAtomically(Disk& disk, const std::string& path, std::string_view bytes);
std::string JoinPath(std::string_view folder, std::string_view name);

// Holds DIR/lock by flock while it lives; a second holder is refused by name, with the holder's
// process id.
class FolderLock {
 public:
  static Result<FolderLock> Take(const std::string& folder);
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&& other) noexcept;
  ~FolderLock();

 private:
  explicit FolderLock(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace hoego
