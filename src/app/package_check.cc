#include "app/package_check.h"

#include "base/json.h"

namespace hoego::app {
namespace {

constexpr std::string_view kScheme = "blob:";  // other sources lie elsewhere

// The listing as docs/formats/definitions.md has it; only the digests matter here.
Status CheckFiles(std::string_view listing, const storage::BlobStore& blobs, std::string_view version,
                  std::vector<std::string>& findings) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(listing));
  const auto files = root.Find("files");
  if (!files || !files->is_array()) {
    return Status::DataLoss("it lists no files");
  }
  return files->ForEachElement([&](const JsonRef& file) -> Status {
    HOEGO_TRY_ASSIGN(const std::string path, file.RequireString("path"));
    HOEGO_TRY_ASSIGN(const std::string digest, file.RequireString("digest"));
    if (!blobs.Has(digest)) {
      findings.push_back(fmt::format("version {}: blob {} of its file {} is missing", version, digest, path));
    }
    return {};
  });
}

void CheckVersion(const registry::ModelVersion& version, const storage::BlobStore& blobs, std::vector<std::string>& findings) {
  if (!version.source.starts_with(kScheme)) {
    return;
  }
  const std::string name = fmt::format("{}/{}", version.model, version.version);
  const std::string digest = version.source.substr(kScheme.size());
  const auto listing = blobs.Get(digest);
  if (!listing.ok()) {
    findings.push_back(listing.status().code() == Code::kNotFound
                           ? fmt::format("version {}: blob {} of its package is missing", name, digest)
                           : fmt::format("version {}: blob {} of its package: {}", name, digest, listing.status().message()));
    return;
  }
  if (const Status status = CheckFiles(*listing, blobs, name, findings); !status.ok()) {
    findings.push_back(fmt::format("version {}: blob {} is no package: {}", name, digest, status.message()));
  }
}

}  // namespace

std::vector<std::string> CheckPackages(const registry::Registry& registry, const storage::BlobStore& blobs) {
  std::vector<std::string> findings;
  for (const registry::RegisteredModel& model : registry.ListModels()) {
    for (const registry::ModelVersion& version : registry.ListVersions(model.name)) {
      CheckVersion(version, blobs, findings);
    }
  }
  return findings;
}

}  // namespace hoego::app
