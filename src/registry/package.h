#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/blob_store.h"

namespace hoego::registry {

// Stores every file below `folder` as a blob, and a listing of them as one more
// (docs/formats/definitions.md, "package"). Returns "blob:<digest of the listing>", a
// ModelVersion::source: the same files give the same text. InvalidArgument for an empty folder,
// more than 10,000 files, a symbolic link or anything else that is neither file nor folder. Cost:
// reads each file once, 1 MiB of memory. Threads: any.
Result<std::string> PackageFolder(storage::BlobStore& blobs, const std::string& folder);

// Writes the files of a package into `folder`, which must be absent or empty; its parents are made.
// The folder appears whole or not at all. DataLoss for altered bytes and for a listing that does
// not keep the rules (a path that leads out, twice the same path); FailedPrecondition for a folder
// that holds something and for a newer listing. Threads: any.
Status UnpackFolder(const storage::BlobStore& blobs, std::string_view source,
                    const std::string& folder);

}  // namespace hoego::registry
