#include "registry/package.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <vector>

#include "base/crypto.h"
#include "base/disk.h"
#include "base/json.h"
#include "storage/path_rules.h"

namespace hoego::registry {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kScheme = "blob:";
constexpr int64_t kFormat = 1;
constexpr size_t kMaxFiles = 10'000;

struct Entry {
  std::string path;
  std::string digest;
  uint64_t bytes = 0;
};

Status Failed(std::string_view what, const fs::path& path, const std::error_code& error) {
  return Status::Internal(fmt::format("{} {}: {}", what, path.string(), error.message()));
}

// Relative paths of the files below, in the order of their bytes.
Result<std::vector<std::string>> FilesBelow(const std::string& folder) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return Status::NotFound(fmt::format("no folder {}", folder));
  }
  std::vector<std::string> files;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const fs::file_status status = it->symlink_status(error);
    if (error) {
      break;
    }
    const std::string path = it->path().lexically_relative(folder).generic_string();
    HOEGO_TRY(storage::CheckRelativePath(path).Within(fmt::format("package {}", folder)));
    if (fs::is_directory(status)) {
      continue;
    }
    if (!fs::is_regular_file(status)) {
      return Status::InvalidArgument(
          fmt::format("package {}: {} is neither file nor folder", folder, path));
    }
    files.push_back(path);
    if (files.size() > kMaxFiles) {
      return Status::InvalidArgument(
          fmt::format("package {}: more than {} files", folder, kMaxFiles));
    }
  }
  if (error) {
    return Failed("list", folder, error);
  }
  if (files.empty()) {
    return Status::InvalidArgument(fmt::format("package {}: no files", folder));
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string WriteListing(const std::vector<Entry>& entries) {
  JsonWriter w;
  w.BeginObject().Field("format", kFormat).Key("files").BeginArray();
  for (const Entry& entry : entries) {
    w.BeginObject()
        .Field("path", entry.path)
        .Field("digest", entry.digest)
        .Field("bytes", entry.bytes)
        .EndObject();
  }
  w.EndArray().EndObject();
  return w.Take();
}

Result<Entry> ReadEntry(const JsonRef& file) {
  Entry entry;
  HOEGO_TRY_ASSIGN(entry.path, file.RequireString("path"));
  HOEGO_TRY_ASSIGN(entry.digest, file.RequireString("digest"));
  HOEGO_TRY_ASSIGN(const int64_t bytes, file.RequireInt("bytes"));
  HOEGO_TRY(storage::CheckRelativePath(entry.path));
  if (bytes < 0) {
    return Status::InvalidArgument(fmt::format("file {}: negative size", entry.path));
  }
  entry.bytes = static_cast<uint64_t>(bytes);
  return entry;
}

// Ascending, so no path twice; and none that is a file and a folder.
Status CheckPaths(const std::vector<Entry>& entries) {
  std::set<std::string, std::less<>> files;
  for (const Entry& entry : entries) {
    if (!files.empty() && *files.rbegin() >= entry.path) {
      return Status::InvalidArgument(fmt::format("file {} is out of order", entry.path));
    }
    files.insert(entry.path);
  }
  for (const Entry& entry : entries) {
    for (size_t slash = entry.path.find('/'); slash != std::string::npos;
         slash = entry.path.find('/', slash + 1)) {
      if (files.contains(std::string_view(entry.path).substr(0, slash))) {
        return Status::InvalidArgument(fmt::format("file {} lies below a file", entry.path));
      }
    }
  }
  return {};
}

Result<std::vector<Entry>> ReadListing(std::string_view text) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(text));
  HOEGO_TRY_ASSIGN(const int64_t format, root.RequireInt("format"));
  if (format > kFormat) {
    return Status::FailedPrecondition(
        fmt::format("listing has format {}, the newest known is {}", format, kFormat));
  }
  const auto files = root.Find("files");
  if (!files || !files->is_array() || files->size() == 0 || files->size() > kMaxFiles) {
    return Status::InvalidArgument(fmt::format("expected 1 to {} files", kMaxFiles));
  }
  std::vector<Entry> entries;
  const Status read = files->ForEachElement([&](const JsonRef& file) {
    HOEGO_TRY_ASSIGN(Entry entry, ReadEntry(file));
    entries.push_back(std::move(entry));
    return Status{};
  });
  HOEGO_TRY(read);
  HOEGO_TRY(CheckPaths(entries));
  return entries;
}

Status WriteFiles(const storage::BlobStore& blobs, const std::vector<Entry>& entries,
                  const std::string& folder) {
  for (const Entry& entry : entries) {
    const fs::path path = fs::path(folder) / entry.path;
    HOEGO_TRY(RealDisk().MakeFolder(path.parent_path().string()));
    HOEGO_TRY(blobs.GetToFile(entry.digest, path.string()).Within(entry.path));
    std::error_code error;
    if (fs::file_size(path, error) != entry.bytes || error) {
      return Status::DataLoss(fmt::format("{}: expected {} bytes", entry.path, entry.bytes));
    }
  }
  return {};
}

}  // namespace

Result<std::string> PackageFolder(storage::BlobStore& blobs, const std::string& folder) {
  HOEGO_TRY_ASSIGN(const std::vector<std::string> files, FilesBelow(folder));
  std::vector<Entry> entries;
  for (const std::string& file : files) {
    const std::string path = JoinPath(folder, file);
    Entry entry{file, "", 0};
    HOEGO_TRY_ASSIGN(entry.digest, blobs.PutFile(path));
    std::error_code error;
    entry.bytes = fs::file_size(path, error);
    if (error) {
      return Failed("measure", path, error);
    }
    entries.push_back(std::move(entry));
  }
  HOEGO_TRY_ASSIGN(const std::string digest, blobs.Put(WriteListing(entries)));
  return fmt::format("{}{}", kScheme, digest);
}

Status UnpackFolder(const storage::BlobStore& blobs, std::string_view source,
                    const std::string& folder) {
  if (!source.starts_with(kScheme)) {
    return Status::InvalidArgument(
        "source: expected \"blob:\" and the digest of a package's listing");
  }
  HOEGO_TRY_ASSIGN(const std::string text, blobs.Get(source.substr(kScheme.size())));
  const auto entries = ReadListing(text);
  if (!entries.ok()) {
    const bool newer = entries.status().code() == Code::kFailedPrecondition;
    return Status(newer ? Code::kFailedPrecondition : Code::kDataLoss,
                  fmt::format("package {}: {}", source, entries.status().message()));
  }
  std::error_code error;
  if (fs::exists(folder, error) && !fs::is_empty(folder, error)) {
    return Status::FailedPrecondition(
        fmt::format("unpack into {}: the folder holds something", folder));
  }
  fs::path target(folder);
  if (!target.has_filename()) {
    target = target.parent_path();  // "models/7/"
  }
  const std::string staging = fmt::format("{}.{:016x}.part", target.string(), RandomUint64());
  Status status = WriteFiles(blobs, *entries, staging);
  if (status.ok()) {
    status = RealDisk().Rename(staging, target.string());
  }
  if (!status.ok()) {
    fs::remove_all(staging, error);  // a leftover has a name that nobody looks for
  }
  return status.Within(fmt::format("package {}", source));
}

}  // namespace hoego::registry
