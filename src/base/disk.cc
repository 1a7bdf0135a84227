#include "base/disk.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/internal/errno_status.h"
#include "base/internal/fd.h"
#include "base/mutex.h"
#include "base/text.h"

namespace hoego {
namespace {

using internal::ErrnoStatus;
using internal::Fd;

// The smallest mapping: small enough for address limits of children, large enough that a growing
// segment of 64 MiB is mapped once or twice in its life.
constexpr uint64_t kSmallestMap = 16ULL << 20;

class PosixFile final : public File {
 public:
  PosixFile(Fd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;
  ~PosixFile() override {
    for (const std::string_view map : maps_) {
      ::munmap(const_cast<char*>(map.data()), map.size());
    }
  }

  Status WriteAt(uint64_t offset, std::string_view bytes) override {
    while (!bytes.empty()) {
      const ssize_t n = ::pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n <= 0) {
        return ErrnoStatus(n == 0 ? ENOSPC : errno, "write", path_);
      }
      offset += static_cast<uint64_t>(n);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return {};
  }

  Result<size_t> ReadAt(uint64_t offset, std::span<char> out) const override {
    size_t done = 0;
    while (done < out.size()) {
      const ssize_t n = ::pread(fd_.get(), out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        return ErrnoStatus(errno, "read", path_);
      }
      if (n == 0) {
        break;
      }
      done += static_cast<size_t>(n);
    }
    return done;
  }

  Status Sync() override {
    return ::fdatasync(fd_.get()) == 0 ? Status{} : ErrnoStatus(errno, "sync", path_);
  }

  Status Truncate(uint64_t size) override {
    return ::ftruncate(fd_.get(), static_cast<off_t>(size)) == 0
               ? Status{}
               : ErrnoStatus(errno, "truncate", path_);
  }

  Result<uint64_t> Size() const override {
    struct stat info {};
    if (::fstat(fd_.get(), &info) != 0) {
      return ErrnoStatus(errno, "stat", path_);
    }
    return static_cast<uint64_t>(info.st_size);
  }

  // Maps past the end of the file, twice as far each time: a page beyond the end costs only address
  // space and becomes readable once the file has grown over it. Outgrown mappings stay, since views
  // into them must.
  std::string_view Map(uint64_t size) override {
    MutexLock lock(mu_);
    if (size == 0) {
      return {};
    }
    if (maps_.empty() || maps_.back().size() < size) {
      const uint64_t bytes = std::bit_ceil(std::max(size, kSmallestMap));
      void* const at = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, fd_.get(), 0);
      if (at == MAP_FAILED) {
        return {};
      }
      maps_.emplace_back(static_cast<const char*>(at), bytes);
    }
    return maps_.back().substr(0, size);
  }

 private:
  const Fd fd_;
  const std::string path_;
  Mutex mu_;
  std::vector<std::string_view> maps_ GUARDED_BY(mu_);  // ascending sizes
};

std::string FolderOf(const std::string& path) {
  const size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) {
    return ".";
  }
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixDisk final : public Disk {
 public:
  Result<std::unique_ptr<File>> Open(const std::string& path, Mode mode) override {
    const int access = mode == Mode::kRead        ? O_RDONLY
                       : mode == Mode::kReadWrite ? O_RDWR
                                                  : O_RDWR | O_CREAT;
    Fd fd(::open(path.c_str(), access | O_CLOEXEC, 0644));
    if (!fd.valid()) {
      return ErrnoStatus(errno, "open", path);
    }
    return std::unique_ptr<File>(std::make_unique<PosixFile>(std::move(fd), path));
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) {
      return ErrnoStatus(errno, "rename", fmt::format("{} to {}", from, to));
    }
    HOEGO_TRY(SyncFolder(FolderOf(to)));
    return FolderOf(from) == FolderOf(to) ? Status{} : SyncFolder(FolderOf(from));
  }

  Status Remove(const std::string& path) override {
    return std::remove(path.c_str()) == 0 ? Status{} : ErrnoStatus(errno, "remove", path);
  }

  // From the innermost existing parent outwards; each new name is synced into its parent.
  Status MakeFolder(const std::string& path) override {
    std::vector<std::string> missing;
    std::string at = path.empty() ? "." : path;
    while (at.size() > 1 && at.back() == '/') {
      at.pop_back();
    }
    struct stat info {};
    while (::stat(at.c_str(), &info) != 0) {
      if (errno != ENOENT) {
        return ErrnoStatus(errno, "make folder", at);
      }
      missing.push_back(at);
      at = FolderOf(at);
    }
    if (!S_ISDIR(info.st_mode)) {
      return ErrnoStatus(ENOTDIR, "make folder", at);
    }
    for (; !missing.empty(); missing.pop_back()) {
      if (::mkdir(missing.back().c_str(), 0755) != 0 && errno != EEXIST) {
        return ErrnoStatus(errno, "make folder", missing.back());
      }
      HOEGO_TRY(SyncFolder(FolderOf(missing.back())));
    }
    return {};
  }

  Result<std::vector<std::string>> List(const std::string& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator it(folder, error);
    for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
      names.push_back(it->path().filename().string());
    }
    if (error) {
      return ErrnoStatus(error.value(), "list", folder);
    }
    std::sort(names.begin(), names.end());
    return names;
  }

  bool Exists(const std::string& path) override { return ::access(path.c_str(), F_OK) == 0; }

  Status SyncFolder(const std::string& path) override {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid() || ::fsync(fd.get()) != 0) {
      return ErrnoStatus(errno, "sync folder", path);
    }
    return {};
  }

  Result<uint64_t> FreeBytes(const std::string& path) override {
    struct statvfs info {};
    if (::statvfs(path.c_str(), &info) != 0) {
      return ErrnoStatus(errno, "ask free space of", path);
    }
    return static_cast<uint64_t>(info.f_bavail) * info.f_frsize;
  }
};

// The process id in a lock file, or "unknown" when its holder has not written it yet.
std::string HolderOf(int fd) {
  std::array<char, 32> buffer{};
  const ssize_t n = ::pread(fd, buffer.data(), buffer.size(), 0);
  const std::string_view text =
      Trim(std::string_view(buffer.data(), static_cast<size_t>(std::max<ssize_t>(n, 0))));
  const auto pid = ParseInt(text);
  return pid ? fmt::format("{}", *pid) : "unknown";
}

}  // namespace

Disk& RealDisk() {
  static PosixDisk disk;
  return disk;
}

Result<std::string> ReadWholeFile(Disk& disk, const std::string& path) {
  HOEGO_TRY_ASSIGN(const std::unique_ptr<File> file, disk.Open(path, Disk::Mode::kRead));
  HOEGO_TRY_ASSIGN(const uint64_t size, file->Size());
  std::string bytes;
  size_t done = 0;
  // One byte more than the size, so that a file that did not grow ends the loop at its first read.
  for (size_t want = static_cast<size_t>(size) + 1;; want = 2 * bytes.size()) {
    bytes.resize(want);
    HOEGO_TRY_ASSIGN(const size_t n, file->ReadAt(done, std::span(bytes).subspan(done)));
    done += n;
    if (done < bytes.size()) {
      bytes.resize(done);
      return bytes;
    }
  }
}

Status WriteFileAtomically(Disk& disk, const std::string& path, std::string_view bytes) {
  const std::string sibling = path + ".tmp";
  const auto write = [&]() -> Status {
    HOEGO_TRY_ASSIGN(const std::unique_ptr<File> file, disk.Open(sibling, Disk::Mode::kCreate));
    HOEGO_TRY(file->Truncate(0));
    HOEGO_TRY(file->WriteAt(0, bytes));
    return file->Sync();
  };
  if (Status written = write(); !written.ok()) {
    // The first failure is the news; a sibling left behind is overwritten by the next attempt.
    static_cast<void>(disk.Remove(sibling));
    return written;
  }
  return disk.Rename(sibling, path);
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty()) {
    return std::string(name);
  }
  return folder.back() == '/' ? fmt::format("{}{}", folder, name)
                              : fmt::format("{}/{}", folder, name);
}

Result<FolderLock> FolderLock::Take(const std::string& folder) {
  const std::string path = JoinPath(folder, "lock");
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd.valid()) {
    return ErrnoStatus(errno, "open", path);
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) {
      return ErrnoStatus(errno, "lock", path);
    }
    return Status::FailedPrecondition(
        fmt::format("folder {} is in use by process {}: one server or command a folder", folder,
                    HolderOf(fd.get())));
  }
  const std::string pid = fmt::format("{}\n", ::getpid());
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    return ErrnoStatus(errno, "write", path);
  }
  return FolderLock(fd.Release());
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FolderLock& FolderLock::operator=(FolderLock&& other) noexcept {
  if (this != &other) {
    Fd before(fd_);  // lets go of what this held
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

// The file stays: removing it would let a third process lock a new file of the same name beside a
// second one.
FolderLock::~FolderLock() {
  if (fd_ >= 0) {
    ::close(fd_);
  }
}

}  // namespace hoego
