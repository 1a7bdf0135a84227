#include "events/internal/import_rows.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/crypto.h"
#include "base/json.h"
#include "base/text.h"

namespace hoego::events {
namespace {

enum Field : size_t { kId, kTime, kType, kUnit, kItem, kValue, kDecision, kFields };
constexpr std::array<std::string_view, kFields> kFieldNames = {"id",   "time",  "type",    "unit",
                                                               "item", "value", "decision"};

Status TakeNumber(std::string_view text, ImportedRow& row) {
  row.value = ParseDouble(text);
  return row.value ? Status{}
                   : Status::InvalidArgument(
                         fmt::format("field \"value\": expected a number, got \"{}\"", text));
}

Status TakeDecision(std::string_view text, ImportedRow& row) {
  row.decision = Uuid::Parse(text);
  return row.decision ? Status{}
                      : Status::InvalidArgument("field \"decision\": expected a decision's id");
}

class CsvParser final : public RowParser {
 public:
  explicit CsvParser(std::string type) : constant_type_(std::move(type)) {}

  Status SetHeader(std::string_view first_line, std::string_view columns) {
    HOEGO_TRY_ASSIGN(header_, ParseCsvLine(first_line));
    for (std::string& name : header_) {
      name = Trim(name);
    }
    if (!header_.empty() && header_.front().starts_with("\xef\xbb\xbf")) {
      header_.front().erase(0, 3);
    }
    for (const std::string_view assignment : Split(columns, ',')) {
      const size_t equals = assignment.find('=');
      if (equals == std::string_view::npos) {
        return Status::InvalidArgument(
            fmt::format("columns: \"{}\" is not field=column", assignment));
      }
      HOEGO_TRY(SetColumn(Trim(assignment.substr(0, equals)), Trim(assignment.substr(equals + 1))));
    }
    if (!places_[kUnit]) {
      return Status::InvalidArgument("columns: unit=<column> is required");
    }
    return {};
  }

  Status Parse(std::string_view line, ImportedRow& row) override {
    row.kind = ImportedRow::Kind::kNothing;
    if (std::exchange(first_, false) || Trim(line).empty()) {
      return {};
    }
    HOEGO_TRY_ASSIGN(const std::vector<std::string> cells, ParseCsvLine(line));
    if (cells.size() != header_.size()) {
      return Status::InvalidArgument(
          fmt::format("{} columns, the header has {}", cells.size(), header_.size()));
    }
    row.kind = ImportedRow::Kind::kEvent;
    const auto cell = [&](Field f) {
      return places_[f] ? std::string_view(cells[*places_[f]]) : std::string_view();
    };
    row.id = cell(kId);
    row.type = places_[kType] ? std::string(cell(kType)) : constant_type_;
    row.unit = cell(kUnit);
    row.item = cell(kItem);
    row.time.reset();
    row.value.reset();
    row.decision.reset();
    if (const auto text = Trim(cell(kTime)); !text.empty()) {
      HOEGO_TRY_ASSIGN(row.time, ParseImportedTime(text));
    }
    if (const auto text = Trim(cell(kValue)); !text.empty()) {
      HOEGO_TRY(TakeNumber(text, row));
    }
    if (const auto text = Trim(cell(kDecision)); !text.empty()) {
      HOEGO_TRY(TakeDecision(text, row));
    }
    row.properties.clear();
    if (!properties_.empty()) {
      JsonWriter w;
      w.BeginObject();
      for (const size_t column : properties_) {
        w.Field(header_[column], cells[column]);
      }
      row.properties = w.EndObject().Take();
    }
    return {};
  }

 private:
  Result<size_t> Place(std::string_view column) const {
    const auto it = std::find(header_.begin(), header_.end(), column);
    if (it != header_.end()) {
      return static_cast<size_t>(it - header_.begin());
    }
    const auto nearest = NearestName(column, header_);
    return Status::InvalidArgument(
        fmt::format("columns: the file has no column \"{}\"{}", column,
                    nearest ? fmt::format(", did you mean \"{}\"?", *nearest) : ""));
  }

  Status SetColumn(std::string_view field, std::string_view column) {
    if (field == "properties") {
      return SetProperties(column);
    }
    const auto known = std::find(kFieldNames.begin(), kFieldNames.end(), field);
    if (known == kFieldNames.end()) {
      return Status::InvalidArgument(
          fmt::format("columns: unknown field \"{}\", expected id, time, type, unit, item, value, "
                      "decision or properties",
                      field));
    }
    const Result<size_t> place = Place(column);
    if (field == "type" && !place.ok()) {
      constant_type_ = column;
      return {};
    }
    HOEGO_TRY(place.status());
    places_[static_cast<size_t>(known - kFieldNames.begin())] = *place;
    return {};
  }

  Status SetProperties(std::string_view columns) {
    if (columns == "*") {
      for (size_t i = 0; i < header_.size(); ++i) {
        if (std::find(places_.begin(), places_.end(), std::optional(i)) == places_.end()) {
          properties_.push_back(i);
        }
      }
      return {};
    }
    for (const std::string_view column : Split(columns, '+')) {
      HOEGO_TRY_ASSIGN(const size_t place, Place(Trim(column)));
      properties_.push_back(place);
    }
    return {};
  }

  std::vector<std::string> header_;
  std::array<std::optional<size_t>, kFields> places_;
  std::vector<size_t> properties_;
  std::string constant_type_;
  bool first_ = true;
};

class JsonlParser final : public RowParser {
 public:
  explicit JsonlParser(std::string type) : type_(std::move(type)) {}

  Status Parse(std::string_view line, ImportedRow& row) override {
    row.kind = ImportedRow::Kind::kNothing;
    if (Trim(line).empty()) {
      return {};
    }
    HOEGO_TRY_ASSIGN(const JsonRef json, parser_.Parse(line));
    HOEGO_TRY_ASSIGN(const std::string kind, json.StringOr("kind", "event"));
    HOEGO_TRY_ASSIGN(const bool erased, json.BoolOr("erased", false));
    if (kind != "event" || erased) {
      row.kind = ImportedRow::Kind::kSkipped;
      return {};
    }
    row.kind = ImportedRow::Kind::kEvent;
    HOEGO_TRY_ASSIGN(row.id, json.StringOr("id", ""));
    HOEGO_TRY_ASSIGN(row.type, json.StringOr("type", type_));
    HOEGO_TRY_ASSIGN(row.unit, json.RequireString("unit"));
    HOEGO_TRY_ASSIGN(row.item, json.StringOr("item", ""));
    HOEGO_TRY(TakeOptional(json, row));
    return {};
  }

 private:
  static Status TakeOptional(JsonRef json, ImportedRow& row) {
    row.time.reset();
    row.value.reset();
    row.decision.reset();
    row.properties.clear();
    if (const auto time = json.Find("time"); time && !time->is_null()) {
      const std::string text = time->is_string() ? std::string(*time->AsString()) : time->ToText();
      HOEGO_TRY_ASSIGN(row.time, ParseTime(text));
    }
    if (const auto value = json.Find("value"); value && !value->is_null()) {
      HOEGO_TRY_ASSIGN(row.value, json.RequireDouble("value"));
    }
    if (const auto decision = json.Find("decision"); decision && !decision->is_null()) {
      HOEGO_TRY_ASSIGN(const std::string text, json.RequireString("decision"));
      HOEGO_TRY(TakeDecision(text, row));
    }
    if (const auto properties = json.Find("properties"); properties && !properties->is_null()) {
      if (!properties->is_object()) {
        return Status::InvalidArgument(fmt::format(
            "field \"properties\": expected an object, got {}", properties->kind_name()));
      }
      row.properties = properties->ToText();
    }
    return {};
  }

  const std::string type_;
  JsonParser parser_;
};

}  // namespace

Result<Time> ParseImportedTime(std::string_view text) {
  constexpr double kFirstMillis = 1e11;
  if (const auto number = ParseDouble(text)) {
    const double ms = std::abs(*number) < kFirstMillis ? *number * 1000 : *number;
    if (std::abs(ms) > 9e15) {
      return Status::InvalidArgument(fmt::format("time \"{}\": out of range", text));
    }
    return FromUnixMillis(std::llround(ms));
  }
  return ParseTime(text);
}

std::string MakeRowId(const ImportedRow& row) {
  const std::string said = fmt::format(
      "{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{}\x1f{}", row.type, row.unit, row.item,
      row.time ? ToUnixMillis(*row.time) : 0, row.value ? fmt::format("{}", *row.value) : "",
      row.decision ? row.decision->ToString() : "", row.properties);
  const Sha256Digest digest = Sha256(said);
  return "row:" + ToHex(std::span(digest).first(16));
}

Result<std::unique_ptr<RowParser>> MakeCsvParser(std::string_view first_line,
                                                 const ImportOptions& options) {
  auto parser = std::make_unique<CsvParser>(options.type);
  HOEGO_TRY(parser->SetHeader(first_line, options.columns));
  return std::unique_ptr<RowParser>(std::move(parser));
}

Result<std::unique_ptr<RowParser>> MakeJsonlParser(const ImportOptions& options) {
  return std::unique_ptr<RowParser>(std::make_unique<JsonlParser>(options.type));
}

}  // namespace hoego::events
