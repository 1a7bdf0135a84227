#pragma once

#include <string>
#include <vector>

#include "registry/registry.h"
#include "storage/blob_store.h"

namespace hoego::app {

// What `hoego doctor` says of registered versions whose package is not whole: a line for each blob that is missing, naming
// the version and the blob. Folders unpacked into DIR/models are a cache and not looked at. Reads the listing of each
// package, not the files.
std::vector<std::string> CheckPackages(const registry::Registry& registry, const storage::BlobStore& blobs);

}  // namespace hoego::app
