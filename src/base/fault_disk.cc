#include "base/fault_disk.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/internal/errno_status.h"

namespace hoego {
namespace {

using internal::ErrnoStatus;

// "" is the root, whether paths begin with a slash or not.
std::string WithoutSlash(std::string path) {
  while (!path.empty() && path.back() == '/') {
    path.pop_back();
  }
  return path == "." ? "" : path;
}

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? "" : WithoutSlash(path.substr(0, slash));
}

bool Changes(FaultDisk::Op op) {
  return op != FaultDisk::Op::kRead;
}

constexpr std::array<std::string_view, 9> kVerbs = {
    "open", "read", "write", "sync", "truncate", "rename", "remove", "make folder", "sync folder"};

void Put(std::string& bytes, uint64_t offset, std::string_view part) {
  if (bytes.size() < offset + part.size()) {
    bytes.resize(offset + part.size(), '\0');
  }
  std::copy(part.begin(), part.end(), bytes.begin() + static_cast<std::ptrdiff_t>(offset));
}

}  // namespace

class FaultFile final : public File {
 public:
  FaultFile(FaultDisk& disk, std::shared_ptr<FaultDisk::Inode> inode, std::string path,
            uint64_t age, bool writable)
      : disk_(disk),
        inode_(std::move(inode)),
        path_(std::move(path)),
        age_(age),
        writable_(writable) {}

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    MutexLock lock(disk_.mu_);
    HOEGO_TRY(Alive(true));
    return disk_.Write(*inode_, path_, offset, bytes);
  }

  Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    MutexLock lock(disk_.mu_);
    HOEGO_TRY(Alive(false));
    HOEGO_TRY(disk_.Begin(FaultDisk::Op::kRead, path_));
    const size_t begin = std::min<size_t>(offset, inode_->now.size());
    return inode_->now.copy(out.data(), out.size(), begin);
  }

  Status Sync() override {
    MutexLock lock(disk_.mu_);
    HOEGO_TRY(Alive(false));
    const Status begun = disk_.Begin(FaultDisk::Op::kSync, path_);
    if (begun.code() == Code::kUnavailable) {
      return begun;  // no power: what waits still waits for the crash
    }
    for (const FaultDisk::Change& change : inode_->unsynced) {
      if (begun.ok()) {
        change.truncate ? inode_->durable.resize(change.offset, '\0')
                        : Put(inode_->durable, change.offset, change.bytes);
      } else {
        disk_.MayReachDisk(change, inode_->durable);
      }
    }
    inode_->unsynced.clear();
    return begun;
  }

  Status Truncate(uint64_t size) override {
    MutexLock lock(disk_.mu_);
    HOEGO_TRY(Alive(true));
    HOEGO_TRY(disk_.Begin(FaultDisk::Op::kTruncate, path_));
    inode_->now.resize(size, '\0');
    inode_->unsynced.push_back({size, "", true});
    return {};
  }

  Result<uint64_t> Size() const override {
    MutexLock lock(disk_.mu_);
    HOEGO_TRY(Alive(false));
    return uint64_t{inode_->now.size()};
  }

  std::string_view Map(uint64_t /*size*/) override { return {}; }

 private:
  Status Alive(bool to_write) const REQUIRES(disk_.mu_) {
    if (age_ != disk_.age_) {
      return Status::Unavailable(fmt::format("{}: opened before the disk crashed", path_));
    }
    return to_write && !writable_ ? ErrnoStatus(EBADF, "write", path_) : Status{};
  }

  FaultDisk& disk_;
  const std::shared_ptr<FaultDisk::Inode> inode_;
  const std::string path_;
  const uint64_t age_;
  const bool writable_;
};

FaultDisk::FaultDisk(uint64_t seed) : rng_(seed), folders_{""} {}
FaultDisk::~FaultDisk() = default;

void FaultDisk::Fail(Op op, Error error, uint64_t nth, uint64_t times, std::string path_part) {
  HOEGO_CHECK(nth > 0 && times > 0);
  MutexLock lock(mu_);
  faults_.push_back({op, error, nth - 1, times, std::move(path_part)});
}

void FaultDisk::Heal() {
  MutexLock lock(mu_);
  faults_.clear();
}

void FaultDisk::SetCapacity(uint64_t bytes) {
  MutexLock lock(mu_);
  capacity_ = bytes;
}

void FaultDisk::PowerOffAfter(uint64_t changes) {
  MutexLock lock(mu_);
  power_off_at_ = changes_ + changes;
}

uint64_t FaultDisk::count(Op op) const {
  MutexLock lock(mu_);
  return counts_[static_cast<size_t>(op)];
}

uint64_t FaultDisk::changes() const {
  MutexLock lock(mu_);
  return changes_;
}

Status FaultDisk::Begin(Op op, const std::string& path) {
  ++counts_[static_cast<size_t>(op)];
  if (changes_ >= power_off_at_) {
    return Status::Unavailable(
        fmt::format("{} {}: the power is off", kVerbs[static_cast<size_t>(op)], path));
  }
  changes_ += Changes(op) ? 1 : 0;
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    if (fault->op != op || path.find(fault->path_part) == std::string::npos) {
      continue;
    }
    if (fault->skip > 0) {
      --fault->skip;
      continue;
    }
    const Error error = fault->error;
    if (fault->times != kForEver && --fault->times == 0) {
      faults_.erase(fault);
    }
    return ErrnoStatus(error == Error::kNoSpace ? ENOSPC : EIO, kVerbs[static_cast<size_t>(op)],
                       path);
  }
  return {};
}

// A write that the power, or a failed sync, caught on its way.
void FaultDisk::MayReachDisk(const Change& change, std::string& bytes) {
  const uint64_t fate = rng_.Below(6);
  if (fate < 2) {
    return;
  }
  if (change.truncate) {
    bytes.resize(change.offset, '\0');
    return;
  }
  const std::string_view all = change.bytes;
  const size_t cut = rng_.Below(all.size() + 1);
  switch (fate) {
    case 2:
      Put(bytes, change.offset, all.substr(0, cut));
      return;
    case 3:
      Put(bytes, change.offset + cut, all.substr(cut));
      return;
    case 4:
      if (bytes.size() < change.offset + all.size()) {
        bytes.resize(change.offset + all.size(), '\0');
      }
      return;
    default:
      Put(bytes, change.offset, all);
  }
}

void FaultDisk::Apply(const NameChange& change, Names& names) {
  names.erase(change.old_path);
  if (!change.new_path.empty()) {
    names[change.new_path] = change.inode;
  }
}

void FaultDisk::Crash() {
  MutexLock lock(mu_);
  for (const NameChange& change : unsynced_names_) {
    if (rng_.Chance(0.5)) {
      Apply(change, durable_names_);
    }
  }
  unsynced_names_.clear();
  names_ = durable_names_;
  std::set<Inode*> settled;  // a file may have two names for a moment
  for (const auto& [path, inode] : names_) {
    if (!settled.insert(inode.get()).second) {
      continue;
    }
    for (const Change& change : inode->unsynced) {
      MayReachDisk(change, inode->durable);
    }
    inode->unsynced.clear();
    inode->now = inode->durable;
  }
  faults_.clear();
  power_off_at_ = kForEver;
  ++age_;
}

uint64_t FaultDisk::UsedBytes() const {
  uint64_t used = 0;
  for (const auto& [path, inode] : names_) {
    used += inode->now.size();
  }
  return used;
}

Status FaultDisk::Write(Inode& inode, const std::string& path, uint64_t offset,
                        std::string_view bytes) {
  Status begun = Begin(Op::kWrite, path);
  if (begun.code() == Code::kUnavailable) {
    return begun;
  }
  uint64_t fits = bytes.size();
  if (!begun.ok()) {
    fits = rng_.Below(bytes.size() + 1);
  } else if (capacity_ != kForEver) {
    const uint64_t others = UsedBytes() - inode.now.size();
    const uint64_t room = capacity_ > others ? capacity_ - others : 0;
    const uint64_t end = std::max<uint64_t>(inode.now.size(), offset + bytes.size());
    if (end > room) {
      fits = room > offset ? std::min<uint64_t>(room - offset, bytes.size()) : 0;
      begun = ErrnoStatus(ENOSPC, "write", path);
    }
  }
  if (fits > 0) {
    Put(inode.now, offset, bytes.substr(0, fits));
    inode.unsynced.push_back({offset, std::string(bytes.substr(0, fits)), false});
  }
  return begun;
}

Result<std::unique_ptr<File>> FaultDisk::Open(const std::string& path, Mode mode) {
  MutexLock lock(mu_);
  HOEGO_TRY(Begin(Op::kOpen, path));
  auto found = names_.find(path);
  if (found == names_.end()) {
    if (mode != Mode::kCreate || !folders_.contains(FolderOf(path))) {
      return ErrnoStatus(ENOENT, "open", path);
    }
    if (folders_.contains(path)) {
      return ErrnoStatus(EISDIR, "open", path);
    }
    found = names_.emplace(path, std::make_shared<Inode>()).first;
    unsynced_names_.push_back({"", path, found->second});
  }
  return std::unique_ptr<File>(
      std::make_unique<FaultFile>(*this, found->second, path, age_, mode != Mode::kRead));
}

Status FaultDisk::SyncNames(const std::string& folder) {
  HOEGO_TRY(Begin(Op::kSyncFolder, folder));
  std::vector<NameChange> rest;
  for (NameChange& change : unsynced_names_) {
    const bool here = (!change.old_path.empty() && FolderOf(change.old_path) == folder) ||
                      (!change.new_path.empty() && FolderOf(change.new_path) == folder);
    if (here) {
      Apply(change, durable_names_);
    } else {
      rest.push_back(std::move(change));
    }
  }
  unsynced_names_ = std::move(rest);
  return {};
}

Status FaultDisk::Rename(const std::string& from, const std::string& to) {
  MutexLock lock(mu_);
  HOEGO_TRY(Begin(Op::kRename, from));
  const auto found = names_.find(from);
  if (found == names_.end() || !folders_.contains(FolderOf(to))) {
    return ErrnoStatus(ENOENT, "rename", fmt::format("{} to {}", from, to));
  }
  const NameChange change{from, to, found->second};
  Apply(change, names_);
  unsynced_names_.push_back(change);
  HOEGO_TRY(SyncNames(FolderOf(to)));
  return FolderOf(from) == FolderOf(to) ? Status{} : SyncNames(FolderOf(from));
}

Status FaultDisk::Remove(const std::string& path) {
  MutexLock lock(mu_);
  HOEGO_TRY(Begin(Op::kRemove, path));
  if (names_.contains(path)) {
    const NameChange change{path, "", nullptr};
    Apply(change, names_);
    unsynced_names_.push_back(change);
    return {};
  }
  if (!folders_.contains(path)) {
    return ErrnoStatus(ENOENT, "remove", path);
  }
  const std::string prefix = path + "/";
  const auto inside = [&](const auto& container, const auto& name_of) {
    return std::any_of(container.begin(), container.end(),
                       [&](const auto& e) { return name_of(e).starts_with(prefix); });
  };
  if (inside(names_, [](const auto& e) { return e.first; }) ||
      inside(folders_, [](const auto& e) { return e; })) {
    return ErrnoStatus(ENOTEMPTY, "remove", path);
  }
  folders_.erase(path);
  return {};
}

Status FaultDisk::MakeFolder(const std::string& path) {
  MutexLock lock(mu_);
  HOEGO_TRY(Begin(Op::kMakeFolder, path));
  for (std::string at = WithoutSlash(path); folders_.insert(at).second; at = FolderOf(at)) {
    if (names_.contains(at)) {
      folders_.erase(at);
      return ErrnoStatus(ENOTDIR, "make folder", path);
    }
  }
  return {};
}

Result<std::vector<std::string>> FaultDisk::List(const std::string& folder) {
  MutexLock lock(mu_);
  const std::string parent = WithoutSlash(folder);
  if (changes_ >= power_off_at_ || !folders_.contains(parent)) {
    return ErrnoStatus(ENOENT, "list", folder);
  }
  std::vector<std::string> found;
  const auto add = [&](const std::string& path) {
    if (!path.empty() && FolderOf(path) == parent) {
      found.push_back(parent.empty() ? path : path.substr(parent.size() + 1));
    }
  };
  for (const auto& [path, inode] : names_) {
    add(path);
  }
  for (const std::string& path : folders_) {
    add(path);
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool FaultDisk::Exists(const std::string& path) {
  MutexLock lock(mu_);
  return names_.contains(path) || folders_.contains(WithoutSlash(path));
}

Status FaultDisk::SyncFolder(const std::string& path) {
  MutexLock lock(mu_);
  const std::string folder = WithoutSlash(path);
  if (!folders_.contains(folder)) {
    return ErrnoStatus(ENOENT, "sync folder", path);
  }
  return SyncNames(folder);
}

Result<uint64_t> FaultDisk::FreeBytes(const std::string& /*path*/) {
  MutexLock lock(mu_);
  const uint64_t used = UsedBytes();
  return capacity_ > used ? capacity_ - used : 0;
}

}  // namespace hoego
