#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <set>
#include <utility>

#include "base/crypto.h"
#include "base/mutex.h"
#include "storage/blob_store.h"

namespace hoego::storage {
namespace {

constexpr size_t kDigestDigits = 64;
constexpr size_t kChunkBytes = 1 << 20;  // memory of a streamed copy
constexpr std::string_view kUnfinished = "tmp";

bool IsHex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

std::string FolderOf(const std::string& path) {
  const std::string parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

// Reads a file from front to end in pieces.
Status ForEachChunk(const File& file, const std::function<Status(std::string_view)>& visit) {
  std::vector<char> buffer(kChunkBytes);
  for (uint64_t at = 0;;) {
    HOEGO_TRY_ASSIGN(const size_t n, file.ReadAt(at, buffer));
    if (n == 0) {
      return {};
    }
    HOEGO_TRY(visit(std::string_view(buffer.data(), n)));
    at += n;
  }
}

Result<std::string> DigestOf(const File& file) {
  Sha256Stream hash;
  HOEGO_TRY(ForEachChunk(file, [&](std::string_view bytes) {
    hash.Update(bytes);
    return Status{};
  }));
  return ToHex(hash.Finish());
}

Status Altered(std::string_view digest) {
  return Status::DataLoss(fmt::format("blob {}: its bytes have changed", digest));
}

Status CheckDigest(std::string_view digest) {
  return IsHex(digest, kDigestDigits)
             ? Status{}
             : Status::InvalidArgument("a blob is named by 64 hexadecimal digits in lower case");
}

// A file with a name nobody else has that is gone at the end unless it was moved away.
class Unfinished {
 public:
  static Result<Unfinished> Make(Disk& disk, std::string path) {
    HOEGO_TRY_ASSIGN(std::unique_ptr<File> file, disk.Open(path, Disk::Mode::kCreate));
    return Unfinished(disk, std::move(path), std::move(file));
  }
  Unfinished(Unfinished&& other) noexcept
      : disk_(other.disk_),
        path_(std::exchange(other.path_, "")),
        file_(std::move(other.file_)),
        size_(other.size_) {}
  Unfinished& operator=(Unfinished&&) = delete;
  ~Unfinished() {
    file_.reset();
    if (!path_.empty()) {
      const Status leftover = disk_.Remove(path_);  // when it fails, the next opening removes it
      (void)leftover.ok();
    }
  }

  Status Append(std::string_view bytes) {
    HOEGO_TRY(file_->WriteAt(size_, bytes));
    size_ += bytes.size();
    return {};
  }
  Status MoveTo(const std::string& path) {
    HOEGO_TRY(file_->Sync());
    file_.reset();
    HOEGO_TRY(disk_.Rename(path_, path));
    path_.clear();
    return {};
  }

 private:
  Unfinished(Disk& disk, std::string path, std::unique_ptr<File> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
  Disk& disk_;
  std::string path_;
  std::unique_ptr<File> file_;
  uint64_t size_ = 0;
};

// FOLDER/ab/cd/abcd…: at most 65,536 folders, so ten million blobs are some 150 to a folder.
// FOLDER/tmp holds what is being written. Pre: one process has the folder open (the data folder is
// locked), for opening empties tmp.
class LocalBlobStore final : public BlobStore {
 public:
  LocalBlobStore(Disk& disk, std::string folder) : disk_(disk), folder_(std::move(folder)) {}

  Status Prepare() {
    const std::string unfinished = JoinPath(folder_, kUnfinished);
    HOEGO_TRY(disk_.MakeFolder(unfinished));
    HOEGO_TRY_ASSIGN(const std::vector<std::string> names, disk_.List(unfinished));
    for (const std::string& name : names) {
      HOEGO_TRY(disk_.Remove(JoinPath(unfinished, name)));
    }
    return {};
  }

  Result<std::string> Put(std::string_view bytes) override {
    const std::string digest = ToHex(Sha256(bytes));
    HOEGO_TRY_ASSIGN(const bool held, Settled(digest));
    if (held) {
      return digest;
    }
    HOEGO_TRY_ASSIGN(Unfinished file, Unfinished::Make(disk_, FreshName()));
    HOEGO_TRY(file.Append(bytes));
    HOEGO_TRY(Keep(file, digest));
    return digest;
  }

  Result<std::string> PutFile(const std::string& path) override {
    HOEGO_TRY_ASSIGN(const std::unique_ptr<File> source, disk_.Open(path, Disk::Mode::kRead));
    HOEGO_TRY_ASSIGN(Unfinished file, Unfinished::Make(disk_, FreshName()));
    Sha256Stream hash;  // of what is written, whatever happens to the source meanwhile
    HOEGO_TRY(ForEachChunk(*source, [&](std::string_view bytes) {
      hash.Update(bytes);
      return file.Append(bytes);
    }));
    const std::string digest = ToHex(hash.Finish());
    HOEGO_TRY_ASSIGN(const bool held, Settled(digest));
    if (!held) {
      HOEGO_TRY(Keep(file, digest));
    }
    return digest;
  }

  Result<std::string> Get(std::string_view digest) const override {
    HOEGO_TRY_ASSIGN(const std::unique_ptr<File> file, OpenBlob(digest));
    HOEGO_TRY_ASSIGN(const uint64_t size, file->Size());
    std::string bytes(size, '\0');
    HOEGO_TRY_ASSIGN(const size_t n, file->ReadAt(0, bytes));
    if (n != size || ToHex(Sha256(bytes)) != digest) {
      return Altered(digest);
    }
    return bytes;
  }

  Status GetToFile(std::string_view digest, const std::string& path) const override {
    HOEGO_TRY_ASSIGN(const std::unique_ptr<File> blob, OpenBlob(digest));
    HOEGO_TRY_ASSIGN(Unfinished file,
                     Unfinished::Make(disk_, fmt::format("{}.{:016x}.part", path, RandomUint64())));
    Sha256Stream hash;
    HOEGO_TRY(ForEachChunk(*blob, [&](std::string_view bytes) {
      hash.Update(bytes);
      return file.Append(bytes);
    }));
    return ToHex(hash.Finish()) == digest ? file.MoveTo(path) : Altered(digest);
  }

  bool Has(std::string_view digest) const override {
    return CheckDigest(digest).ok() && disk_.Exists(PathOf(digest));
  }

  Status Remove(std::string_view digest) override {
    HOEGO_TRY(CheckDigest(digest));
    const std::string path = PathOf(digest);
    if (!disk_.Exists(path)) {
      return Missing(digest);
    }
    HOEGO_TRY(disk_.Remove(path));
    return disk_.SyncFolder(FolderOf(path));
  }

  Status ForEach(const std::function<Status(std::string_view, uint64_t)>& visit) const override {
    HOEGO_TRY_ASSIGN(const std::vector<std::string> firsts, disk_.List(folder_));
    for (const std::string& first : firsts) {
      if (!IsHex(first, 2)) {
        continue;
      }
      HOEGO_TRY_ASSIGN(const std::vector<std::string> seconds,
                       disk_.List(JoinPath(folder_, first)));
      for (const std::string& second : seconds) {
        if (IsHex(second, 2)) {
          HOEGO_TRY(ForEachIn(JoinPath(JoinPath(folder_, first), second), visit));
        }
      }
    }
    return {};
  }

  Result<std::vector<std::string>> Verify() const override {
    std::vector<std::string> altered;
    HOEGO_TRY(ForEach([&](std::string_view digest, uint64_t) {
      auto file = OpenBlob(digest);
      auto held = file.ok() ? DigestOf(**file) : Result<std::string>(file.status());
      if (held.status().code() == Code::kDataLoss || (held.ok() && *held != digest)) {
        altered.emplace_back(digest);
        return Status{};
      }
      return held.status().code() == Code::kNotFound ? Status{}
                                                     : held.status();  // removed meanwhile
    }));
    return altered;
  }

 private:
  static Status Missing(std::string_view digest) {
    return Status::NotFound(fmt::format("no blob {}", digest));
  }

  std::string PathOf(std::string_view digest) const {
    return fmt::format("{}/{}/{}/{}", folder_, digest.substr(0, 2), digest.substr(2, 2), digest);
  }

  std::string FreshName() {
    return fmt::format("{}/{}/{:016x}-{}", folder_, kUnfinished, RandomUint64(),
                       serial_.fetch_add(1));
  }

  Result<std::unique_ptr<File>> OpenBlob(std::string_view digest) const {
    HOEGO_TRY(CheckDigest(digest));
    auto file = disk_.Open(PathOf(digest), Disk::Mode::kRead);
    if (file.status().code() == Code::kNotFound) {
      return Missing(digest);
    }
    return file;
  }

  // Whether the blob is there, whole and durable. One that was damaged from outside is written
  // again. Another thread may have moved it in just now and not yet synced the folder, so the
  // folder is synced here too.
  Result<bool> Settled(const std::string& digest) {
    auto file = OpenBlob(digest);
    if (file.status().code() == Code::kNotFound) {
      return false;
    }
    HOEGO_TRY(file.status());
    HOEGO_TRY_ASSIGN(const std::string held, DigestOf(**file));
    if (held != digest) {
      return false;
    }
    HOEGO_TRY(disk_.SyncFolder(FolderOf(PathOf(digest))));
    return true;
  }

  Status Keep(Unfinished& file, const std::string& digest) {
    const std::string path = PathOf(digest);
    HOEGO_TRY(MakeFan(FolderOf(path)));
    return file.MoveTo(path);
  }

  // Under a lock, so that nobody finds a folder whose own name is not durable yet. MakeFolder syncs
  // the names it makes; one that a killed process made is synced when first met.
  Status MakeFan(const std::string& fan) {
    MutexLock lock(fans_mu_);
    if (fans_.contains(fan)) {
      return {};
    }
    if (disk_.Exists(fan)) {
      HOEGO_TRY(disk_.SyncFolder(FolderOf(fan)));
      HOEGO_TRY(disk_.SyncFolder(folder_));
    }
    HOEGO_TRY(disk_.MakeFolder(fan));
    fans_.insert(fan);
    return {};
  }

  Status ForEachIn(const std::string& fan,
                   const std::function<Status(std::string_view, uint64_t)>& visit) const {
    HOEGO_TRY_ASSIGN(const std::vector<std::string> names, disk_.List(fan));
    for (const std::string& name : names) {
      if (!IsHex(name, kDigestDigits) || !PathOf(name).starts_with(fan)) {
        continue;
      }
      auto file = disk_.Open(JoinPath(fan, name), Disk::Mode::kRead);
      if (file.status().code() == Code::kNotFound) {
        continue;
      }
      HOEGO_TRY(file.status());
      HOEGO_TRY_ASSIGN(const uint64_t size, (*file)->Size());
      HOEGO_TRY(visit(name, size));
    }
    return {};
  }

  Disk& disk_;
  const std::string folder_;
  std::atomic<uint64_t> serial_ = 0;
  Mutex fans_mu_;
  std::set<std::string> fans_ GUARDED_BY(fans_mu_);  // known to be durable; at most 65,536
};

}  // namespace

Result<std::unique_ptr<BlobStore>> OpenLocalBlobStore(Disk& disk, const std::string& folder) {
  auto store = std::make_unique<LocalBlobStore>(disk, folder);
  HOEGO_TRY(store->Prepare().Within(fmt::format("open blob store {}", folder)));
  return std::unique_ptr<BlobStore>(std::move(store));
}

}  // namespace hoego::storage
