#include "models/internal/artifact.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "base/crypto.h"
#include "base/text.h"

namespace hoego::models::internal {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are stored little-endian");

constexpr std::string_view kManifestName = "manifest.json";
constexpr std::string_view kDigestKey = ",\"sha256\":\"";
constexpr size_t kDigestTail = kDigestKey.size() + 64 + 3;  // key, hex digits, `"}` and a line feed

constexpr std::array<std::string_view, 12> kKnownFields = {
    "format", "algorithm", "code_version", "dataset_digest", "seed",   "threads",
    "simd",   "params",    "input",        "output",         "arrays", "sha256"};

// The same for every model of format 1.
constexpr std::string_view kInputSignature =
    R"([{"name":"item","type":"u32"},{"name":"weight","type":"f32"}])";
constexpr std::string_view kOutputSignature =
    R"([{"name":"score","type":"f32","shape":["items"]}])";

std::string FileOf(std::string_view name) {
  return fmt::format("{}.bin", name);
}

bool IsArrayName(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(),
                                      [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

// The product, or nothing when it does not fit.
Result<uint64_t> Elements(const std::vector<uint64_t>& shape) {
  uint64_t n = 1;
  for (const uint64_t side : shape) {
    if (__builtin_mul_overflow(n, side, &n)) {
      return Status::DataLoss("shape is larger than memory");
    }
  }
  return n;
}

}  // namespace

std::string_view ElementTypeName(ElementType type) {
  constexpr std::array<std::string_view, 5> kNames = {"u8", "u32", "u64", "f32", "f64"};
  return kNames[static_cast<size_t>(type)];
}

size_t ElementBytes(ElementType type) {
  constexpr std::array<size_t, 5> kBytes = {1, 4, 8, 4, 8};
  return kBytes[static_cast<size_t>(type)];
}

Status WriteModel(const std::string& folder, const Manifest& manifest, std::string_view extra_json,
                  std::span<const ArrayOut> arrays) {
  Disk& disk = RealDisk();
  HOEGO_TRY(disk.MakeFolder(folder));
  std::vector<uint64_t> offsets = {0};
  std::string ids;
  for (const std::string& id : manifest.items) {
    ids += id;
    offsets.push_back(ids.size());
  }
  std::vector<ArrayOut> all = {MakeArray<uint64_t>("item_offsets", offsets, {offsets.size()}),
                               {"item_ids", ElementType::kU8, {ids.size()}, ids}};
  all.insert(all.end(), arrays.begin(), arrays.end());

  JsonWriter w;
  w.BeginObject().Field("format", kNewestFormat).Field("algorithm", manifest.algorithm);
  w.Field("code_version", manifest.code_version).Field("dataset_digest", manifest.dataset_digest);
  w.Field("seed", fmt::format("{}", manifest.seed))
      .Field("threads", manifest.threads)
      .Field("simd", manifest.simd);
  w.Key("params")
      .Raw(manifest.params_json)
      .Key("input")
      .Raw(kInputSignature)
      .Key("output")
      .Raw(kOutputSignature);
  w.Key("arrays").BeginArray();
  for (const ArrayOut& array : all) {
    HOEGO_TRY(WriteFileAtomically(disk, JoinPath(folder, FileOf(array.name)), array.data));
    w.BeginObject()
        .Field("name", array.name)
        .Field("type", ElementTypeName(array.type))
        .Key("shape")
        .BeginArray();
    for (const uint64_t side : array.shape) {
      w.Uint(side);
    }
    w.EndArray().Field("sha256", ToHex(Sha256(array.data))).EndObject();
  }
  w.EndArray().EndObject();
  std::string text = w.Take();
  text.pop_back();  // the brace: the extra fields and the digest follow
  text += extra_json;
  const std::string digest = ToHex(Sha256(text));
  text += fmt::format("{}{}\"}}\n", kDigestKey, digest);
  return WriteFileAtomically(disk, JoinPath(folder, kManifestName), text);
}

Result<ModelReader> ModelReader::Open(const std::string& folder) {
  ModelReader reader;
  reader.folder_ = folder;
  HOEGO_TRY_ASSIGN(const std::string text,
                   ReadWholeFile(RealDisk(), JoinPath(folder, kManifestName)));
  const Status parsed = reader.ParseManifest(text);
  if (!parsed.ok()) {
    // A field of the wrong kind is not the caller's mistake: the file is not what was written.
    const Code code = parsed.code() == Code::kInvalidArgument ? Code::kDataLoss : parsed.code();
    return Status(code, std::string(parsed.message()))
        .Within(fmt::format("model {}: manifest", folder));
  }
  return reader;
}

Status ModelReader::ParseManifest(std::string_view text) {
  JsonParser parser;
  Result<JsonRef> parsed = parser.Parse(text);
  if (!parsed.ok() || !parsed->is_object()) {
    return Status::DataLoss("not a JSON object");
  }
  const JsonRef root = *parsed;
  // The format comes first: a newer one may keep its digest elsewhere.
  const auto format = root.Find("format");
  const auto number = format ? format->AsInt() : std::nullopt;
  if (!number || *number < 1) {
    return Status::DataLoss("field \"format\" is missing or no positive number");
  }
  if (*number > kNewestFormat) {
    return Status::FailedPrecondition(
        fmt::format("format {}, the newest this build reads is {}", *number, kNewestFormat));
  }
  if (text.size() < kDigestTail ||
      text.substr(text.size() - kDigestTail, kDigestKey.size()) != kDigestKey ||
      text.substr(text.size() - 3) != "\"}\n") {
    return Status::DataLoss("does not end with its SHA-256");
  }
  if (ToHex(Sha256(text.substr(0, text.size() - kDigestTail))) !=
      text.substr(text.size() - 67, 64)) {
    return Status::DataLoss("altered: the SHA-256 at its end does not fit");
  }
  manifest_.format = static_cast<uint32_t>(*number);
  HOEGO_TRY_ASSIGN(manifest_.algorithm, root.RequireString("algorithm"));
  HOEGO_TRY_ASSIGN(manifest_.code_version, root.RequireString("code_version"));
  HOEGO_TRY_ASSIGN(manifest_.dataset_digest, root.RequireString("dataset_digest"));
  HOEGO_TRY_ASSIGN(manifest_.simd, root.RequireString("simd"));
  HOEGO_TRY_ASSIGN(const std::string seed, root.RequireString("seed"));
  if (seed.empty() || seed.find_first_not_of("0123456789") != std::string::npos ||
      seed.size() > 20) {
    return Status::DataLoss(
        fmt::format("field \"seed\": expected a decimal number, got {:?}", seed));
  }
  for (const char c : seed) {
    manifest_.seed = manifest_.seed * 10 + static_cast<uint64_t>(c - '0');
  }
  HOEGO_TRY_ASSIGN(const int64_t threads, root.RequireInt("threads"));
  manifest_.threads = static_cast<uint32_t>(threads);
  const auto params = root.Find("params");
  manifest_.params_json = params ? params->ToText() : "{}";
  HOEGO_TRY(root.ForEachField([&](std::string_view key, JsonRef value) -> Status {
    if (std::find(kKnownFields.begin(), kKnownFields.end(), key) == kKnownFields.end()) {
      JsonWriter name;
      name.String(key);
      extra_json_ += fmt::format(",{}:{}", name.text(), value.ToText());
    }
    return {};
  }));
  return ParseArrays(root);
}

Status ModelReader::ParseArrays(JsonRef root) {
  const auto arrays = root.Find("arrays");
  if (!arrays || !arrays->is_array()) {
    return Status::DataLoss("field \"arrays\" is missing");
  }
  const Status listed_all = arrays->ForEachElement([&](JsonRef array) -> Status {
    Listed listed;
    HOEGO_TRY_ASSIGN(listed.name, array.RequireString("name"));
    HOEGO_TRY_ASSIGN(listed.type, array.RequireString("type"));
    HOEGO_TRY_ASSIGN(listed.sha256, array.RequireString("sha256"));
    const auto shape = array.Find("shape");
    if (!IsArrayName(listed.name) || !shape || !shape->is_array()) {
      return Status::DataLoss(fmt::format("array {:?}: bad name or no shape", listed.name));
    }
    const Status sides = shape->ForEachElement([&](JsonRef side) -> Status {
      const auto value = side.AsInt();
      if (!value || *value < 0) {
        return Status::DataLoss(
            fmt::format("array {}: its shape holds something else than sizes", listed.name));
      }
      listed.shape.push_back(static_cast<uint64_t>(*value));
      return {};
    });
    arrays_.push_back(std::move(listed));
    return sides;
  });
  HOEGO_TRY(listed_all);
  HOEGO_TRY_ASSIGN(const std::vector<uint64_t> shape, Shape("item_offsets"));
  if (shape.size() != 1 || shape[0] == 0 || shape[0] - 1 > std::numeric_limits<uint32_t>::max()) {
    return Status::DataLoss("array item_offsets: expected one more than items");
  }
  return ReadItems(shape[0] - 1);
}

Status ModelReader::ReadItems(uint64_t items) {
  HOEGO_TRY_ASSIGN(const std::vector<uint64_t> offsets,
                   Read<uint64_t>("item_offsets", {items + 1}));
  HOEGO_TRY_ASSIGN(const std::vector<uint8_t> ids, Read<uint8_t>("item_ids", {offsets.back()}));
  if (offsets[0] != 0 || !std::is_sorted(offsets.begin(), offsets.end())) {
    return Status::DataLoss("array item_offsets does not ascend from 0");
  }
  manifest_.items.reserve(items);
  for (size_t i = 0; i < items; ++i) {
    manifest_.items.emplace_back(ids.begin() + static_cast<std::ptrdiff_t>(offsets[i]),
                                 ids.begin() + static_cast<std::ptrdiff_t>(offsets[i + 1]));
  }
  return {};
}

const ModelReader::Listed* ModelReader::FindListed(std::string_view name) const {
  for (const Listed& listed : arrays_) {
    if (listed.name == name) {
      return &listed;
    }
  }
  return nullptr;
}

Result<std::vector<uint64_t>> ModelReader::Shape(std::string_view name) const {
  const Listed* listed = FindListed(name);
  if (listed == nullptr) {
    return Status::DataLoss(
        fmt::format("model {}: array {} is not in the manifest", folder_, name));
  }
  return listed->shape;
}

Result<uint64_t> ModelReader::Check(std::string_view name, ElementType type,
                                    const std::vector<uint64_t>& shape) const {
  const Listed* listed = FindListed(name);
  if (listed == nullptr) {
    return Status::DataLoss(
        fmt::format("model {}: array {} is not in the manifest", folder_, name));
  }
  if (listed->type != ElementTypeName(type) || listed->shape != shape) {
    return Status::DataLoss(fmt::format("model {}: array {} is {} [{}], expected {} [{}]", folder_,
                                        name, listed->type, fmt::join(listed->shape, ","),
                                        ElementTypeName(type), fmt::join(shape, ",")));
  }
  HOEGO_TRY_ASSIGN(const uint64_t elements, Elements(shape));
  HOEGO_TRY_ASSIGN(const auto file,
                   RealDisk().Open(JoinPath(folder_, FileOf(name)), Disk::Mode::kRead));
  HOEGO_TRY_ASSIGN(const uint64_t bytes, file->Size());
  if (elements > std::numeric_limits<uint64_t>::max() / 8 ||
      bytes != elements * ElementBytes(type)) {
    return Status::DataLoss(
        fmt::format("model {}: array {} has {} bytes on disk, expected {} elements of {}", folder_,
                    name, bytes, elements, ElementTypeName(type)));
  }
  return elements;
}

Status ModelReader::Fill(std::string_view name, std::span<char> out) const {
  HOEGO_TRY_ASSIGN(const auto file,
                   RealDisk().Open(JoinPath(folder_, FileOf(name)), Disk::Mode::kRead));
  HOEGO_TRY_ASSIGN(const size_t read, file->ReadAt(0, out));
  if (read != out.size() || ToHex(Sha256({out.data(), out.size()})) != FindListed(name)->sha256) {
    return Status::DataLoss(
        fmt::format("model {}: array {} was altered: its SHA-256 does not fit", folder_, name));
  }
  return {};
}

}  // namespace hoego::models::internal
