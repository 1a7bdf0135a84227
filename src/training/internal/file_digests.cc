#include "training/internal/file_digests.h"

#include <vector>

#include "base/crypto.h"
#include "base/disk.h"

namespace hoego::training::internal {
namespace {

constexpr size_t kBlock = 1 << 20;

Result<std::string> FileDigest(const std::string& path) {
  HOEGO_TRY_ASSIGN(const auto file, RealDisk().Open(path, Disk::Mode::kRead));
  Sha256Stream sha;
  std::vector<char> block(kBlock);
  for (uint64_t at = 0;;) {
    HOEGO_TRY_ASSIGN(const size_t n, file->ReadAt(at, block));
    if (n == 0) {
      return ToHex(sha.Finish());
    }
    sha.Update(std::string_view(block.data(), n));
    at += n;
  }
}

}  // namespace

Result<std::map<std::string, std::string>> FileDigests(const std::string& folder) {
  HOEGO_TRY_ASSIGN(const std::vector<std::string> names, RealDisk().List(folder));
  std::map<std::string, std::string> digests;
  for (const std::string& name : names) {
    HOEGO_TRY_ASSIGN(digests[name], FileDigest(JoinPath(folder, name)));
  }
  return digests;
}

}  // namespace hoego::training::internal
