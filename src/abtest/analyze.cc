#include "abtest/analyze.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/line_reader.h"
#include "base/text.h"

namespace hoego::abtest {
namespace {

constexpr size_t kMostArms = 8;

struct Unit {
  size_t arm = 0;
  double y = 0;
  bool moved = false;
};

struct Table {
  std::vector<std::string> arms;  // by first appearance
  std::unordered_map<std::string, Unit> units;
  bool zero_or_one = true;  // every value
  uint64_t rows = 0;
};

std::optional<double> ParseValue(std::string_view text) {
  const std::string lower = ToLower(text);
  if (lower == "true" || lower == "false") {
    return lower == "true" ? 1 : 0;
  }
  const std::optional<double> v = ParseDouble(text);
  return v && std::fabs(*v) <= 1e100 ? v : std::nullopt;
}

Result<size_t> FindColumn(const std::vector<std::string>& header, const std::string& name) {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found == header.end()) {
    const std::optional<std::string> near = NearestName(name, header);
    return Status::InvalidArgument(
        fmt::format("line 1: no column \"{}\"{}", name,
                    near ? fmt::format(", did you mean \"{}\"?", *near) : ""));
  }
  return static_cast<size_t>(found - header.begin());
}

Status AddRow(Table& table, std::string_view unit, std::string_view arm, double value) {
  auto found = std::find(table.arms.begin(), table.arms.end(), arm);
  if (found == table.arms.end()) {
    if (table.arms.size() == kMostArms) {
      return Status::InvalidArgument(fmt::format("\"{}\" is one arm more than {}", arm, kMostArms));
    }
    table.arms.emplace_back(arm);
    found = table.arms.end() - 1;
  }
  const auto index = static_cast<size_t>(found - table.arms.begin());
  const auto [it, fresh] = table.units.try_emplace(std::string(unit), Unit{index, 0, false});
  it->second.moved = it->second.moved || (!fresh && it->second.arm != index);
  it->second.y += value;
  table.zero_or_one = table.zero_or_one && (value == 0 || value == 1);
  ++table.rows;
  return {};
}

Result<Table> ReadTable(const std::string& path, const AnalyzeOptions& options) {
  HOEGO_TRY_ASSIGN(LineReader lines, LineReader::Open(path));
  HOEGO_TRY_ASSIGN(const std::optional<std::string_view> first, lines.Next());
  if (!first) {
    return Status::InvalidArgument(
        "the file is empty, expected a first line with the columns' names");
  }
  HOEGO_TRY_ASSIGN(const std::vector<std::string> header, ParseCsvLine(*first));
  HOEGO_TRY_ASSIGN(const size_t unit, FindColumn(header, options.unit_column));
  HOEGO_TRY_ASSIGN(const size_t arm, FindColumn(header, options.arm_column));
  HOEGO_TRY_ASSIGN(const size_t metric, FindColumn(header, options.metric_column));
  Table table;
  while (true) {
    HOEGO_TRY_ASSIGN(const std::optional<std::string_view> line, lines.Next());
    if (!line) {
      return table;
    }
    if (Trim(*line).empty()) {
      continue;
    }
    const auto where = [&] { return fmt::format("line {}", lines.line_number()); };
    const Result<std::vector<std::string>> cells = ParseCsvLine(*line);
    if (!cells.ok()) {
      return cells.status().Within(where());
    }
    if (cells->size() <= std::max({unit, arm, metric})) {
      return Status::InvalidArgument(
          fmt::format("{}: {} cells, expected {}", where(), cells->size(), header.size()));
    }
    const std::optional<double> value = ParseValue(Trim((*cells)[metric]));
    if (!value) {
      return Status::InvalidArgument(
          fmt::format("{}: \"{}\" in column {}, expected a number, true or false", where(),
                      (*cells)[metric], options.metric_column));
    }
    const Status added = AddRow(table, (*cells)[unit], (*cells)[arm], *value);
    if (!added.ok()) {
      return added.Within(where());
    }
  }
}

// The places of the arms with the control in front.
Result<std::vector<size_t>> OrderArms(const Table& table, const std::string& control) {
  if (table.arms.size() < 2) {
    return Status::InvalidArgument(
        fmt::format("the file has {} arms, expected at least 2", table.arms.size()));
  }
  std::vector<size_t> order(table.arms.size());
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return table.arms[a] < table.arms[b]; });
  const std::string wanted = control.empty() ? "control" : control;
  const auto found =
      std::find_if(order.begin(), order.end(), [&](size_t i) { return table.arms[i] == wanted; });
  if (found != order.end()) {
    std::rotate(order.begin(), found, found + 1);
  } else if (!control.empty()) {
    return Status::InvalidArgument(fmt::format("no line has the control arm \"{}\"", control));
  }
  return order;
}

}  // namespace

Result<VerdictReport> AnalyzeCsv(const std::string& path, const AnalyzeOptions& options) {
  if (!(options.alpha > 0 && options.alpha < 1)) {
    return Status::InvalidArgument(
        fmt::format("alpha is {}, expected 0 < alpha < 1", options.alpha));
  }
  Result<Table> table = ReadTable(path, options);
  if (!table.ok()) {
    return table.status().Within(path);
  }
  Result<std::vector<size_t>> order = OrderArms(*table, options.control);
  if (!order.ok()) {
    return order.status().Within(path);
  }
  TestDefinition definition;
  TestPlan& plan = definition.plan;
  plan.name = path;
  plan.metric.name = options.metric_column;
  plan.metric.kind = table->zero_or_one ? MetricKind::kConversion : MetricKind::kMean;
  plan.alpha = options.alpha;
  plan.always_valid = options.always_valid;
  plan.tuning = static_cast<double>(table->units.size());
  plan.min_effect = 0;
  plan.min_units = 2;
  definition.state = TestState::kStopped;
  Figures figures;
  figures.arms.resize(order->size());
  figures.horizon = true;
  std::vector<size_t> place(order->size());
  for (size_t i = 0; i < order->size(); ++i) {
    place[(*order)[i]] = i;
    plan.arms.push_back({table->arms[(*order)[i]], "", 1});
  }
  for (const auto& [id, unit] : table->units) {
    if (unit.moved) {
      ++figures.moved_units;
    } else {
      figures.arms[place[unit.arm]].outcome.Add(table->zero_or_one && unit.y > 0 ? 1 : unit.y, 0);
    }
  }
  if (!options.check_ratio) {
    for (size_t i = 0; i < plan.arms.size(); ++i) {
      plan.arms[i].weight =
          static_cast<double>(std::max<uint64_t>(1, figures.arms[i].outcome.units()));
    }
  }
  VerdictReport report = MakeReport(definition, figures, events::Cut{});
  report.file = path;
  report.rows = table->rows;
  return report;
}

}  // namespace hoego::abtest
