#include "app/blob_fetcher.h"

#include <filesystem>

#include "base/disk.h"
#include "registry/package.h"

namespace hoego::app {

namespace fs = std::filesystem;

Result<std::string> BlobFetcher::FolderOf(const registry::ModelVersion& version) const {
  constexpr std::string_view kScheme = "blob:";
  constexpr size_t kDigestChars = 64;
  if (!version.source.starts_with(kScheme) || version.source.size() != kScheme.size() + kDigestChars) {
    return Status::FailedPrecondition(fmt::format("{}/{}: source is not a package in the blob store", version.model, version.version));
  }
  return JoinPath(folder_, version.source.substr(kScheme.size()));
}

Result<std::string> BlobFetcher::Fetch(const registry::ModelVersion& version) {
  HOEGO_TRY_ASSIGN(const std::string folder, FolderOf(version));
  if (fs::exists(folder)) {
    return folder;  // its bytes are checked when it is read
  }
  const std::string partial = folder + ".partial";
  std::error_code error;
  fs::remove_all(partial, error);
  HOEGO_TRY(registry::UnpackFolder(blobs_, version.source, partial));
  HOEGO_TRY(RealDisk().Rename(partial, folder));
  return folder;
}

bool BlobFetcher::Discard(const registry::ModelVersion& version) {
  const auto folder = FolderOf(version);
  std::error_code error;
  return folder.ok() && fs::remove_all(*folder, error) > 0 && !error;
}

}  // namespace hoego::app
