#include "tracking/internal/run_reader.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "tracking/internal/metric_value.h"
#include "tracking/internal/run_states.h"
#include "tracking/internal/sql.h"

namespace hoego::tracking::internal {
namespace {

constexpr std::string_view kOne = "SELECT * FROM runs WHERE run_id = ?";
constexpr std::string_view kOfExperiment =
    "SELECT * FROM runs WHERE experiment = ? AND deleted = 0 ORDER BY start_ms DESC, run_id LIMIT "
    "? OFFSET ?";
constexpr std::string_view kOfAll =
    "SELECT * FROM runs WHERE deleted = 0 ORDER BY start_ms DESC, run_id LIMIT ? OFFSET ?";

// One answer for four tables. Columns: what, run, then
//   0 run: run_id, name, user_id, status, experiment, start_ms, end_ms, deleted
//   1 param, 2 tag: key, value
//   3 latest metric: key, "", "", "", step, time_ms, value_order
std::string Statement(std::string_view page) {
  return fmt::format(
      "WITH page AS MATERIALIZED ({})"
      " SELECT 0, no, run_id, name, user_id, status, experiment, start_ms, end_ms, deleted FROM "
      "page"
      " UNION ALL SELECT 1, run, key, value, '', '', 0, 0, 0, 0 FROM page JOIN params ON "
      "params.run = page.no"
      " UNION ALL SELECT 2, run, key, value, '', '', 0, 0, 0, 0 FROM page JOIN tags ON tags.run = "
      "page.no"
      " UNION ALL SELECT 3, run, key, '', '', '', step, time_ms, value_order, 0"
      " FROM page JOIN latest_metrics ON latest_metrics.run = page.no",
      page);
}

Status ReadRow(const storage::Row& row, Run& run) {
  const std::string first(row.Text(2));
  switch (row.Int(0)) {
    case 0: {
      const auto status = ParseRunStatus(row.Text(5));
      if (!status) {
        return Status::DataLoss(fmt::format("metadata: run {} has an unknown status", first));
      }
      run.id = first;
      run.name = row.Text(3);
      run.user = row.Text(4);
      run.status = *status;
      run.experiment_id = std::to_string(row.Int(6));
      run.start = FromUnixMillis(row.Int(7));
      if (!row.IsNull(8)) {
        run.end = FromUnixMillis(row.Int(8));
      }
      run.deleted = row.Int(9) != 0;
      return {};
    }
    case 1:
      run.params.emplace(first, row.Text(3));
      return {};
    case 2:
      run.tags.emplace(first, row.Text(3));
      return {};
    default:
      run.latest.push_back({first, ValueOf(row.Int(8)), FromUnixMillis(row.Int(7)), row.Int(6)});
      return {};
  }
}

Result<std::vector<Run>> ReadPage(const storage::Database& database, const std::string& statement,
                                  std::span<const storage::Value> parameters) {
  std::map<int64_t, Run> by_number;
  HOEGO_TRY(database.Query(statement, parameters, [&](const storage::Row& row) {
    return ReadRow(row, by_number[row.Int(1)]);
  }));
  std::vector<Run> runs;
  for (auto& [number, run] : by_number) {
    std::sort(run.latest.begin(), run.latest.end(),
              [](const Metric& a, const Metric& b) { return a.key < b.key; });
    runs.push_back(std::move(run));
  }
  std::sort(runs.begin(), runs.end(), [](const Run& a, const Run& b) {
    return a.start != b.start ? a.start > b.start : a.id < b.id;
  });
  return runs;
}

}  // namespace

Result<Run> ReadRun(const storage::Database& database, std::string_view run_id) {
  static const std::string statement = Statement(kOne);
  HOEGO_TRY_ASSIGN(std::vector<Run> runs, ReadPage(database, statement, Values(run_id)));
  if (runs.empty()) {
    return Status::NotFound(fmt::format("no run with id {}", run_id.substr(0, 64)));
  }
  return std::move(runs.front());
}

Result<std::vector<Run>> ReadRuns(const storage::Database& database, int64_t experiment,
                                  size_t most, size_t offset) {
  static const std::string of_experiment = Statement(kOfExperiment);
  static const std::string of_all = Statement(kOfAll);
  return experiment < 0 ? ReadPage(database, of_all, Values(most, offset))
                        : ReadPage(database, of_experiment, Values(experiment, most, offset));
}

}  // namespace hoego::tracking::internal
