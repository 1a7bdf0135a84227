#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/crc32c.h"
#include "base/crypto.h"
#include "base/disk.h"
#include "base/json.h"
#include "datasets/dataset.h"
#include "datasets/internal/body.h"

// The layout is docs/formats/dataset.md: a head of 64 bytes, the meta JSON, the body.

namespace hoego::datasets {
namespace {

constexpr std::string_view kMagic = "HOEGODST";
constexpr uint32_t kVersion = 1;
constexpr size_t kHeadBytes = 64;
constexpr uint64_t kMostMetaBytes = 16u << 20;

struct Head {
  char magic[8];
  uint32_t version;
  uint32_t crc;  // CRC-32C of bytes 16..63 and the meta JSON
  uint8_t digest[32];
  uint64_t meta_bytes;
  uint64_t body_bytes;
};
static_assert(sizeof(Head) == kHeadBytes && std::is_trivially_copyable_v<Head>);

std::string MetaJson(const Dataset& dataset) {
  JsonWriter w;
  w.BeginObject().Field("from_cut", dataset.from_cut).Field("to_cut", dataset.to_cut);
  w.Key("source").Raw(dataset.source_json).EndObject();
  return w.Take();
}

uint32_t HeadCrc(const Head& head, std::string_view meta) {
  char bytes[kHeadBytes];
  std::memcpy(bytes, &head, kHeadBytes);
  return Crc32c(meta, Crc32c(std::string_view(bytes + 16, kHeadBytes - 16)));
}

Result<std::unique_ptr<File>> StartFile(const std::string& path) {
  HOEGO_TRY_ASSIGN(auto file, RealDisk().Open(path, Disk::Mode::kCreate));
  HOEGO_TRY(file->Truncate(0));
  return file;
}

// The body goes first, so that its digest is known when the head is written.
Status WriteAll(const Dataset& dataset, File& file, const std::string& meta) {
  Sha256Stream sha;
  uint64_t at = kHeadBytes + meta.size();
  HOEGO_TRY(internal::WriteBody(dataset, [&](std::string_view block) {
    sha.Update(block);
    const uint64_t here = at;
    at += block.size();
    return file.WriteAt(here, block);
  }));
  const Sha256Digest digest = sha.Finish();
  if (ToHex(digest) != dataset.digest) {
    return Status::FailedPrecondition(
        "its digest is not that of its content; it was changed after it was built");
  }
  Head head{};
  std::memcpy(head.magic, kMagic.data(), kMagic.size());
  head.version = kVersion;
  std::memcpy(head.digest, digest.data(), digest.size());
  head.meta_bytes = meta.size();
  head.body_bytes = at - kHeadBytes - meta.size();
  head.crc = HeadCrc(head, meta);
  char bytes[kHeadBytes];
  std::memcpy(bytes, &head, kHeadBytes);
  HOEGO_TRY(file.WriteAt(0, std::string(bytes, kHeadBytes) + meta));
  return file.Sync();
}

Result<Head> ReadHead(std::string_view bytes) {
  Head head{};
  if (bytes.size() < kHeadBytes || bytes.substr(0, kMagic.size()) != kMagic) {
    return Status::DataLoss("not a dataset file: its first bytes are not HOEGODST");
  }
  std::memcpy(&head, bytes.data(), kHeadBytes);
  if (head.version != kVersion) {
    return Status::FailedPrecondition(
        fmt::format("dataset format {}, this program knows up to {}", head.version, kVersion));
  }
  const uint64_t rest = bytes.size() - kHeadBytes;
  if (head.meta_bytes > kMostMetaBytes || head.meta_bytes > rest ||
      head.body_bytes != rest - head.meta_bytes) {
    return Status::DataLoss("its size is not the one in its head: cut short or appended to");
  }
  if (head.crc != HeadCrc(head, bytes.substr(kHeadBytes, head.meta_bytes))) {
    return Status::DataLoss("the checksum of its head does not match");
  }
  return head;
}

Status ReadMeta(std::string_view text, Dataset& dataset) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef meta, parser.Parse(text));
  HOEGO_TRY_ASSIGN(dataset.from_cut, meta.StringOr("from_cut", ""));
  HOEGO_TRY_ASSIGN(dataset.to_cut, meta.StringOr("to_cut", ""));
  const auto source = meta.Find("source");
  dataset.source_json = source ? source->ToText() : "{}";
  return {};
}

Result<Dataset> Decode(std::string_view bytes) {
  HOEGO_TRY_ASSIGN(const Head head, ReadHead(bytes));
  Dataset dataset;
  HOEGO_TRY(ReadMeta(bytes.substr(kHeadBytes, head.meta_bytes), dataset));
  const std::string_view body = bytes.substr(kHeadBytes + head.meta_bytes);
  const Sha256Digest digest = Sha256(body);
  if (std::memcmp(digest.data(), head.digest, digest.size()) != 0) {
    return Status::DataLoss("the digest of its body does not match: bytes were altered");
  }
  HOEGO_TRY(internal::ReadBody(body, dataset));
  dataset.digest = ToHex(digest);
  return dataset;
}

}  // namespace

Status SaveDataset(const Dataset& dataset, const std::string& path) {
  const std::string context = "save dataset " + path;
  JsonParser parser;
  if (const auto source = parser.Parse(dataset.source_json); !source.ok()) {
    return Status::InvalidArgument("source_json: " + source.status().ToString()).Within(context);
  }
  const std::string partial = path + ".partial";
  auto file = StartFile(partial);
  if (!file.ok()) {
    return file.status().Within(context);
  }
  const Status written = WriteAll(dataset, **file, MetaJson(dataset));
  if (!written.ok()) {
    // The failure that matters is the first; a leftover is overwritten by the next try.
    static_cast<void>(RealDisk().Remove(partial));
    return written.Within(context);
  }
  return RealDisk().Rename(partial, path).Within(context);
}

Result<Dataset> LoadDataset(const std::string& path) {
  const std::string context = "load dataset " + path;
  auto file = RealDisk().Open(path, Disk::Mode::kRead);
  if (!file.ok()) {
    return file.status().Within(context);
  }
  const auto size = (*file)->Size();
  if (!size.ok()) {
    return size.status().Within(context);
  }
  std::string copy;
  std::string_view bytes = (*file)->Map(*size);
  if (bytes.empty()) {
    auto whole = ReadWholeFile(RealDisk(), path);
    if (!whole.ok()) {
      return whole.status().Within(context);
    }
    copy = std::move(whole).value();
    bytes = copy;
  }
  auto dataset = Decode(bytes);
  return dataset.ok() ? std::move(dataset) : Result<Dataset>(dataset.status().Within(context));
}

}  // namespace hoego::datasets
