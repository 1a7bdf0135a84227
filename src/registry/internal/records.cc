#include "registry/internal/records.h"

#include <cmath>
#include <limits>

#include "base/json.h"
#include "base/text.h"

namespace hoego::registry::internal {
namespace {

constexpr int64_t kFormat = 1;

void WriteTexts(JsonWriter& w, std::string_view key,
                const std::map<std::string, std::string>& texts) {
  w.Key(key).BeginObject();
  for (const auto& [name, text] : texts) {
    w.Field(name, text);
  }
  w.EndObject();
}

// JSON knows no NaN and no infinities: they travel as words, as on MLflow's wire.
void WriteNumber(JsonWriter& w, std::string_view key, double value) {
  w.Key(key);
  if (std::isfinite(value)) {
    w.Double(value);
  } else if (std::isnan(value)) {
    w.String("NaN");
  } else {
    w.String(value > 0 ? "Infinity" : "-Infinity");
  }
}

Result<double> ReadNumber(const JsonRef& value) {
  if (const auto number = value.AsDouble()) {
    return *number;
  }
  const auto word = value.AsString();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (word == "NaN") {
    return std::numeric_limits<double>::quiet_NaN();
  }
  if (word == "Infinity" || word == "-Infinity") {
    return word->front() == '-' ? -kInfinity : kInfinity;
  }
  return Status::InvalidArgument("expected a number");
}

Result<std::map<std::string, std::string>> ReadTexts(const JsonRef& body, std::string_view key) {
  std::map<std::string, std::string> texts;
  const auto object = body.Find(key);
  if (!object) {
    return texts;
  }
  HOEGO_TRY(object->ForEachField([&](std::string_view name, const JsonRef& value) {
    const auto text = value.AsString();
    if (!text) {
      return Status::InvalidArgument(fmt::format("{} of {}: expected a string", name, key));
    }
    texts.emplace(name, *text);
    return Status{};
  }));
  return texts;
}

Result<uint32_t> ReadVersion(const JsonRef& body, std::string_view key, int64_t least) {
  HOEGO_TRY_ASSIGN(const int64_t version, body.RequireInt(key));
  if (version < least || version > std::numeric_limits<uint32_t>::max()) {
    return Status::InvalidArgument(
        fmt::format("field \"{}\": expected a version from {}, got {}", key, least, version));
  }
  return static_cast<uint32_t>(version);
}

void WriteBody(JsonWriter& w, const ModelBirth& birth) {
  w.Field("description", birth.description);
  WriteTexts(w, "tags", birth.tags);
}

void WriteBody(JsonWriter& w, const ModelVersion& version) {
  w.Field("source", version.source)
      .Field("run_id", version.run_id)
      .Field("description", version.description);
  w.Field("dataset_digest", version.dataset_digest)
      .Field("from_cut", version.from_cut)
      .Field("to_cut", version.to_cut);
  WriteTexts(w, "tags", version.tags);
  w.Key("metrics").BeginObject();
  for (const auto& [name, value] : version.metrics) {
    WriteNumber(w, name, value);
  }
  w.EndObject().Field("status", version.status);
}

void WriteBody(JsonWriter& w, const AliasMove& move) {
  w.Field("version", move.version)
      .Field("was", move.was)
      .Field("reason", move.reason)
      .Field("who", move.who);
}

Result<ModelBirth> ReadBirth(const JsonRef& body) {
  ModelBirth birth;
  HOEGO_TRY_ASSIGN(birth.description, body.StringOr("description", ""));
  HOEGO_TRY_ASSIGN(birth.tags, ReadTexts(body, "tags"));
  return birth;
}

Result<ModelVersion> ReadModelVersion(const JsonRef& body) {
  ModelVersion version;
  HOEGO_TRY_ASSIGN(version.source, body.StringOr("source", ""));
  HOEGO_TRY_ASSIGN(version.run_id, body.StringOr("run_id", ""));
  HOEGO_TRY_ASSIGN(version.description, body.StringOr("description", ""));
  HOEGO_TRY_ASSIGN(version.dataset_digest, body.StringOr("dataset_digest", ""));
  HOEGO_TRY_ASSIGN(version.from_cut, body.StringOr("from_cut", ""));
  HOEGO_TRY_ASSIGN(version.to_cut, body.StringOr("to_cut", ""));
  HOEGO_TRY_ASSIGN(version.tags, ReadTexts(body, "tags"));
  HOEGO_TRY_ASSIGN(version.status, body.RequireString("status"));
  const auto metrics = body.Find("metrics");
  if (!metrics) {
    return version;
  }
  HOEGO_TRY(metrics->ForEachField([&](std::string_view name, const JsonRef& value) {
    const auto number = ReadNumber(value);
    if (number.ok()) {
      version.metrics.emplace(name, *number);
    }
    return number.status().Within(name);
  }));
  return version;
}

Result<AliasMove> ReadMove(const JsonRef& body) {
  AliasMove move;
  HOEGO_TRY_ASSIGN(move.version, ReadVersion(body, "version", 0));
  HOEGO_TRY_ASSIGN(move.was, ReadVersion(body, "was", 0));
  HOEGO_TRY_ASSIGN(move.reason, body.StringOr("reason", ""));
  HOEGO_TRY_ASSIGN(move.who, body.StringOr("who", ""));
  return move;
}

// Revision, attempt and time, which every kind has.
Status ReadFrame(const JsonRef& body, Time when, Record& record) {
  HOEGO_TRY_ASSIGN(const int64_t revision, body.RequireInt("revision"));
  HOEGO_TRY_ASSIGN(const int64_t attempt, body.IntOr("attempt", 0));
  if (revision < 1 || attempt < 0) {
    return Status::InvalidArgument("expected a revision from 1 and an attempt from 0");
  }
  record.revision = static_cast<uint64_t>(revision);
  record.attempt = static_cast<uint64_t>(attempt);
  record.at = when;
  if (body.Find("at")) {
    HOEGO_TRY_ASSIGN(const std::string at, body.RequireString("at"));
    HOEGO_TRY_ASSIGN(record.at, ParseTime(at));
  }
  return {};
}

Result<Record> ReadRecord(std::string_view kind, std::string_view name, const JsonRef& body,
                          Time when) {
  Record record;
  HOEGO_TRY(ReadFrame(body, when, record));
  if (kind == "model") {
    record.model = name;
    HOEGO_TRY_ASSIGN(record.what, ReadBirth(body));
    return record;
  }
  HOEGO_TRY_ASSIGN(ModelRef ref, ModelRef::Parse(name));
  record.model = ref.model;
  if (kind == "version" && ref.version) {
    HOEGO_TRY_ASSIGN(ModelVersion version, ReadModelVersion(body));
    version.model = ref.model;
    version.version = *ref.version;
    version.created = record.at;
    record.what = std::move(version);
    return record;
  }
  if (kind == "alias" && ref.alias) {
    HOEGO_TRY_ASSIGN(AliasMove move, ReadMove(body));
    move.alias = *ref.alias;
    move.when = record.at;
    record.what = std::move(move);
    return record;
  }
  return Status::InvalidArgument("the name does not fit the kind");
}

}  // namespace

Encoded Encode(const Record& record) {
  Encoded encoded;
  encoded.name = record.model;
  encoded.kind = "model";
  if (const auto* version = std::get_if<ModelVersion>(&record.what)) {
    encoded.kind = "version";
    encoded.name += fmt::format("/{}", version->version);
  } else if (const auto* move = std::get_if<AliasMove>(&record.what)) {
    encoded.kind = "alias";
    encoded.name += "@" + move->alias;
  }
  JsonWriter w;
  w.BeginObject().Field("format", kFormat).Field("revision", record.revision);
  if (record.attempt > 0) {
    w.Field("attempt", record.attempt);
  }
  w.Field("at", FormatTime(record.at));
  std::visit([&](const auto& what) { WriteBody(w, what); }, record.what);
  w.EndObject();
  encoded.json = w.Take();
  return encoded;
}

Result<Record> Decode(std::string_view kind, std::string_view name, std::string_view json,
                      Time when) {
  if (kind != "model" && kind != "version" && kind != "alias") {
    return Status::InvalidArgument(
        fmt::format("definition of kind \"{}\", expected model, version or alias", kind));
  }
  const auto lost = [&](const Status& status) {
    return Status::DataLoss(fmt::format("definition {} \"{}\": {}", kind, name, status.message()));
  };
  JsonParser parser;
  const auto body = parser.Parse(json);
  if (!body.ok()) {
    return lost(body.status());
  }
  const auto format = body->RequireInt("format");
  if (!format.ok()) {
    return lost(format.status());
  }
  if (*format > kFormat) {
    return Status::FailedPrecondition(
        fmt::format("definition {} \"{}\" has format {}, the newest this program knows is {}", kind,
                    name, *format, kFormat));
  }
  auto record = ReadRecord(kind, name, *body, when);
  return record.ok() ? std::move(record) : lost(record.status());
}

}  // namespace hoego::registry::internal
