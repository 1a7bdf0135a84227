#include "training/evaluation_file.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include "base/crc32c.h"
#include "base/disk.h"
#include "base/json.h"

namespace hoego::training {
namespace {

static_assert(std::endian::native == std::endian::little,
              "numbers are copied as they lie in memory");

constexpr std::string_view kMagic = "HOEGOEVL";
constexpr uint32_t kVersion = 1;

struct Head {
  char magic[8];
  uint32_t version;
  uint32_t crc;  // CRC-32C of all bytes from 16 on
  uint64_t meta_bytes;
  uint64_t units;
  uint64_t columns;
};
static_assert(sizeof(Head) == 40 && std::is_trivially_copyable_v<Head>);

std::string MetaJson(const StoredEvaluation& stored) {
  JsonWriter w;
  w.BeginObject()
      .Field("of", stored.of)
      .Field("seconds", stored.evaluation.seconds)
      .Key("columns")
      .BeginArray();
  for (const auto& [name, values] : stored.evaluation.per_unit) {
    w.String(name);
  }
  w.EndArray().Key("overall").BeginObject();
  for (const auto& [name, value] : stored.evaluation.overall) {
    w.Field(name, value);
  }
  w.EndObject().EndObject();
  return w.Take();
}

template <class T>
void AppendColumn(std::string& out, const std::vector<T>& values) {
  const size_t at = out.size();
  out.resize(at + values.size() * sizeof(T));
  if (!values.empty()) {
    std::memcpy(out.data() + at, values.data(), values.size() * sizeof(T));
  }
}

template <class T>
std::vector<T> TakeColumn(std::string_view& bytes, size_t n) {
  std::vector<T> values(n);
  if (n > 0) {
    std::memcpy(values.data(), bytes.data(), n * sizeof(T));
  }
  bytes.remove_prefix(n * sizeof(T));
  return values;
}

Status ReadMeta(std::string_view text, StoredEvaluation& stored,
                std::vector<std::string>& columns) {
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef meta, parser.Parse(text));
  HOEGO_TRY_ASSIGN(stored.of, meta.RequireString("of"));
  HOEGO_TRY_ASSIGN(stored.evaluation.seconds, meta.DoubleOr("seconds", 0));
  const auto names = meta.Find("columns");
  const auto overall = meta.Find("overall");
  if (!names || !names->is_array() || !overall || !overall->is_object()) {
    return Status::DataLoss("its meta lacks columns or overall");
  }
  HOEGO_TRY(names->ForEachElement([&](JsonRef name) {
    columns.emplace_back(name.AsString().value_or(""));
    return Status();
  }));
  return overall->ForEachField([&](std::string_view name, JsonRef value) {
    stored.evaluation.overall[std::string(name)] = value.AsDouble().value_or(std::nan(""));
    return Status();
  });
}

Result<StoredEvaluation> Decode(std::string_view bytes) {
  Head head{};
  if (bytes.size() < sizeof(Head) || bytes.substr(0, kMagic.size()) != kMagic) {
    return Status::DataLoss("not an evaluation file: its first bytes are not HOEGOEVL");
  }
  std::memcpy(&head, bytes.data(), sizeof(Head));
  if (head.version != kVersion) {
    return Status::FailedPrecondition(
        fmt::format("evaluation format {}, this program knows up to {}", head.version, kVersion));
  }
  if (head.crc != Crc32c(bytes.substr(16))) {
    return Status::DataLoss("its checksum does not match: cut short or altered");
  }
  bytes.remove_prefix(sizeof(Head));
  // Each count is at most the bytes there are, so the sum below cannot overflow when both pass.
  if (head.meta_bytes > bytes.size() || head.units > bytes.size() || head.columns > 1000 ||
      head.meta_bytes + head.units * (sizeof(uint32_t) + head.columns * sizeof(double)) !=
          bytes.size()) {
    return Status::DataLoss("its counts do not fit its size");
  }
  StoredEvaluation stored;
  std::vector<std::string> columns;
  HOEGO_TRY(ReadMeta(bytes.substr(0, head.meta_bytes), stored, columns));
  bytes.remove_prefix(head.meta_bytes);
  if (columns.size() != head.columns) {
    return Status::DataLoss("its meta names another number of columns than its head");
  }
  stored.evaluation.units = TakeColumn<uint32_t>(bytes, head.units);
  for (const std::string& column : columns) {
    stored.evaluation.per_unit[column] = TakeColumn<double>(bytes, head.units);
  }
  return stored;
}

}  // namespace

Status SaveEvaluation(const StoredEvaluation& stored, const std::string& path) {
  const std::string meta = MetaJson(stored);
  Head head{};
  std::memcpy(head.magic, kMagic.data(), kMagic.size());
  head.version = kVersion;
  head.meta_bytes = meta.size();
  head.units = stored.evaluation.units.size();
  head.columns = stored.evaluation.per_unit.size();
  std::string bytes(sizeof(Head), '\0');
  bytes += meta;
  AppendColumn(bytes, stored.evaluation.units);
  for (const auto& [name, values] : stored.evaluation.per_unit) {
    if (values.size() != stored.evaluation.units.size()) {
      return Status::InvalidArgument(
          fmt::format("save evaluation {}: {} has {} values for {} units", path, name,
                      values.size(), stored.evaluation.units.size()));
    }
    AppendColumn(bytes, values);
  }
  std::memcpy(bytes.data(), &head, sizeof(Head));
  head.crc = Crc32c(std::string_view(bytes).substr(16));
  std::memcpy(bytes.data(), &head, sizeof(Head));
  return WriteFileAtomically(RealDisk(), path, bytes).Within("save evaluation " + path);
}

Result<StoredEvaluation> LoadEvaluation(const std::string& path) {
  const std::string context = "load evaluation " + path;
  const auto bytes = ReadWholeFile(RealDisk(), path);
  if (!bytes.ok()) {
    return bytes.status().Within(context);
  }
  auto stored = Decode(*bytes);
  return stored.ok() ? std::move(stored)
                     : Result<StoredEvaluation>(stored.status().Within(context));
}

Result<PairedTest> CompareStored(const StoredEvaluation& a, const StoredEvaluation& b,
                                 std::string_view metric, double confidence, int replicates,
                                 uint64_t seed) {
  if (a.of != b.of || a.evaluation.units != b.evaluation.units) {
    return Status::FailedPrecondition(fmt::format(
        "compare evaluations: not of the same units of the same data: {} and {}", a.of, b.of));
  }
  const std::string name(metric);
  if (a.evaluation.per_unit.count(name) == 0 || b.evaluation.per_unit.count(name) == 0) {
    return Status::NotFound(
        fmt::format("compare evaluations: not both have \"{}\" by unit", metric));
  }
  return ComparePaired(a.evaluation.per_unit.at(name), b.evaluation.per_unit.at(name), confidence,
                       replicates, seed);
}

}  // namespace hoego::training
