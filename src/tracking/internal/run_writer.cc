#include "tracking/internal/run_writer.h"

#include <optional>
#include <tuple>
#include <vector>

#include "tracking/internal/metric_value.h"
#include "tracking/internal/sql.h"

namespace hoego::tracking::internal {
namespace {

using storage::Transaction;

// What decides which point of a series is the latest.
using Place = std::tuple<int64_t, int64_t, int64_t>;  // step, time, value in order

Place PlaceOf(const Metric& metric) {
  return {metric.step, ToUnixMillis(metric.time), OrderOf(metric.value)};
}

struct Series {
  int64_t number = 0;
  std::optional<Place> latest;  // nothing: new
};

Result<Series> FindSeries(Transaction& transaction, int64_t run, const std::string& key) {
  Series series;
  HOEGO_TRY(transaction.Query(
      "SELECT series, step, time_ms, value_order FROM latest_metrics WHERE run = ? AND key = ?",
      Values(run, key), [&](const storage::Row& row) {
        series.number = row.Int(0);
        series.latest = Place{row.Int(1), row.Int(2), row.Int(3)};
        return Status{};
      }));
  return series;
}

Status KeepLatest(Transaction& transaction, int64_t run, const std::string& key, Series& series,
                  const Place& greatest) {
  const auto& [step, time, order] = greatest;
  const storage::Value real = SqlReal(ValueOf(order));
  if (!series.latest) {
    HOEGO_TRY_ASSIGN(series.number, NextNumber(transaction, "series"));
    return transaction
        .Execute(
            "INSERT INTO latest_metrics (series, run, key, step, time_ms, value_order, value)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            Values(series.number, run, key, step, time, order, real))
        .status();
  }
  if (greatest <= *series.latest) {
    return {};
  }
  return transaction
      .Execute(
          "UPDATE latest_metrics SET step = ?, time_ms = ?, value_order = ?, value = ? WHERE "
          "series = ?",
          Values(step, time, order, real, series.number))
      .status();
}

}  // namespace

Result<int64_t> ActiveRun(Transaction& transaction, std::string_view run_id) {
  int64_t number = 0;
  bool deleted = false;
  HOEGO_TRY(transaction.Query("SELECT no, deleted FROM runs WHERE run_id = ?", Values(run_id),
                              [&](const storage::Row& row) {
                                number = row.Int(0);
                                deleted = row.Int(1) != 0;
                                return Status{};
                              }));
  if (number == 0) {
    return Status::NotFound(fmt::format("no run with id {}", run_id.substr(0, 64)));
  }
  if (deleted) {
    return Status::FailedPrecondition(
        fmt::format("run {} is deleted, expected an active one", run_id));
  }
  return number;
}

Status WriteParams(Transaction& transaction, int64_t run, const Batch& batch) {
  for (const auto& [key, value] : batch.params) {
    HOEGO_TRY_ASSIGN(
        const int64_t added,
        transaction.Execute(
            "INSERT INTO params (run, key, value) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            Values(run, key, value)));
    if (added == 1) {
      continue;
    }
    bool same = false;
    HOEGO_TRY(transaction.Query("SELECT value FROM params WHERE run = ? AND key = ?",
                                Values(run, key), [&, &value = value](const storage::Row& row) {
                                  same = row.Text(0) == value;
                                  return Status{};
                                }));
    if (!same) {
      return Status::InvalidArgument(
          fmt::format("param \"{}\" has another value already; a param is written once", key));
    }
  }
  return {};
}

Status WriteTag(Transaction& transaction, int64_t run, std::string_view key,
                std::string_view value) {
  HOEGO_TRY(transaction
                .Execute("INSERT INTO tags (run, key, value) VALUES (?, ?, ?)"
                         " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value",
                         Values(run, key, value))
                .status());
  if (key != kRunNameTag) {
    return {};
  }
  return transaction.Execute("UPDATE runs SET name = ? WHERE no = ?", Values(value, run)).status();
}

Status WriteTags(Transaction& transaction, int64_t run, const Batch& batch) {
  for (const auto& [key, value] : batch.tags) {
    HOEGO_TRY(WriteTag(transaction, run, key, value));
  }
  return {};
}

Status WriteMetrics(Transaction& transaction, int64_t run, const Batch& batch) {
  std::map<std::string, std::vector<const Metric*>> by_key;
  for (const Metric& metric : batch.metrics) {
    by_key[metric.key].push_back(&metric);
  }
  for (const auto& [key, points] : by_key) {
    Place greatest = PlaceOf(*points.front());
    for (const Metric* point : points) {
      greatest = std::max(greatest, PlaceOf(*point));
    }
    HOEGO_TRY_ASSIGN(Series series, FindSeries(transaction, run, key));
    HOEGO_TRY(KeepLatest(transaction, run, key, series, greatest));
    for (const Metric* point : points) {
      const auto& [step, time, order] = PlaceOf(*point);
      HOEGO_TRY(transaction
                    .Execute("INSERT INTO metrics (series, step, time_ms, value_order, value) "
                             "VALUES (?, ?, ?, ?, ?)"
                             " ON CONFLICT DO NOTHING",
                             Values(series.number, step, time, order, SqlReal(point->value)))
                    .status());
    }
  }
  return {};
}

}  // namespace hoego::tracking::internal
