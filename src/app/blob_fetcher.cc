#include "app/blob_fetcher.h"

#include <filesystem>

#include "base/disk.h"
#include "registry/package.h"

namespace hoego::app {

namespace fs = std::filesystem;

Result<std::string> BlobFetcher::Fetch(const registry::ModelVersion& version) {
  const size_t colon = version.source.find(':');
  if (!version.source.starts_with("blob:") || version.source.size() != colon + 65) {
    return Status::FailedPrecondition(fmt::format("{}/{}: source is not a package in the blob store", version.model, version.version));
  }
  const std::string folder = JoinPath(folder_, version.source.substr(colon + 1));
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
  const size_t colon = version.source.find(':');
  std::error_code error;
  return version.source.starts_with("blob:") && version.source.size() == colon + 65 &&
         fs::remove_all(JoinPath(folder_, version.source.substr(colon + 1)), error) > 0 && !error;
}

}  // namespace hoego::app
