#pragma once

#include <string>

#include "serving/model_store.h"
#include "storage/blob_store.h"

namespace hoego::app {

// Unpacks a version's package into DIR/models/<digest>, once.
class BlobFetcher final : public serving::ModelFetcher {
 public:
  BlobFetcher(const storage::BlobStore& blobs, std::string folder) : blobs_(blobs), folder_(std::move(folder)) {}
  Result<std::string> Fetch(const registry::ModelVersion& version) override;
  bool Discard(const registry::ModelVersion& version) override;  // the package itself stays

 private:
  Result<std::string> FolderOf(const registry::ModelVersion& version) const;  // DIR/models/<digest>

  const storage::BlobStore& blobs_;
  std::string folder_;
};

}  // namespace hoego::app
