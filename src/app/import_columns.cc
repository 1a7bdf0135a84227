#include "app/import_columns.h"

#include <algorithm>
#include <map>

#include "base/line_reader.h"
#include "base/text.h"

namespace hoego::app {
namespace {

const std::vector<std::string>& Fields() {
  static const std::vector<std::string> kFields = {"id", "time", "type", "unit", "item", "value", "decision", "properties"};
  return kFields;
}

std::string Nearest(std::string_view name, const std::vector<std::string>& known) {
  const auto near = NearestName(name, known);
  return near ? fmt::format("; did you mean \"{}\"?", *near) : "";
}

// Empty when there is no first line to look at.
std::vector<std::string> HeaderOf(const std::string& path) {
  auto reader = LineReader::Open(path);
  if (!reader.ok()) {
    return {};
  }
  const auto line = reader->Next();
  if (!line.ok() || !*line) {
    return {};
  }
  std::string_view text = **line;
  if (text.starts_with("\xef\xbb\xbf")) {
    text.remove_prefix(3);  // a byte order mark is no part of the first column's name
  }
  auto names = ParseCsvLine(text);
  if (!names.ok()) {
    return {};
  }
  for (std::string& name : *names) {
    name = Trim(name);
  }
  return *names;
}

// type=watch is a constant when no column has that name; properties=* are all columns that are left.
std::vector<std::string_view> ColumnsNamed(std::string_view field, std::string_view column) {
  if (field == "type" || (field == "properties" && column == "*")) {
    return {};
  }
  return field == "properties" ? Split(column, '+') : std::vector<std::string_view>{column};
}

}  // namespace

Status CheckColumns(const std::vector<std::string>& columns, const std::string& path) {
  const std::vector<std::string> header = HeaderOf(path);
  std::map<std::string, std::string, std::less<>> given;
  const std::string joined = fmt::format("{}", fmt::join(columns, ","));
  for (const std::string_view assignment : Split(joined, ',')) {
    const size_t equals = assignment.find('=');
    const std::string field(Trim(assignment.substr(0, equals)));
    const std::string column(equals == std::string_view::npos ? "" : Trim(assignment.substr(equals + 1)));
    if (field.empty() || column.empty()) {
      return Status::InvalidArgument(fmt::format("--column \"{}\": expected field=column such as unit=user_id", assignment));
    }
    if (std::find(Fields().begin(), Fields().end(), field) == Fields().end()) {
      return Status::InvalidArgument(fmt::format("--column \"{}\": unknown field \"{}\"{}; known: {}", assignment, field,
                                                 Nearest(field, Fields()), fmt::join(Fields(), ", ")));
    }
    // Lists of properties add up; any other field has one place.
    const auto [first, fresh] = given.emplace(field, column);
    if (!fresh && field != "properties") {
      return Status::InvalidArgument(
          fmt::format("--column: {} is given twice, as \"{}\" and as \"{}\"", field, first->second, column));
    }
    for (const std::string_view name : ColumnsNamed(field, column)) {
      if (!header.empty() && std::find(header.begin(), header.end(), Trim(name)) == header.end()) {
        return Status::InvalidArgument(fmt::format("--column \"{}\": {} has no column \"{}\"{}", assignment, path, Trim(name),
                                                   Nearest(Trim(name), header)));
      }
    }
  }
  return given.contains("unit") ? Status{} : Status::InvalidArgument("--column: unit=<column> is required");
}

}  // namespace hoego::app
