#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "datasets/dataset.h"
#include "datasets/internal/builder.h"
#include "events/store.h"

namespace hoego::datasets {
namespace {

constexpr uint32_t kUnknown = std::numeric_limits<uint32_t>::max();
constexpr uint32_t kForgotten = kUnknown - 1;

Status CheckLearnFrom(const LearnFrom& learn) {
  if (learn.positive.empty()) {
    return Status::InvalidArgument("learn.positive: expected at least one event type");
  }
  const auto listed = [](const std::vector<std::string>& types, const std::string& type) {
    return std::find(types.begin(), types.end(), type) != types.end();
  };
  for (const std::string& type : learn.negative) {
    if (listed(learn.positive, type)) {
      return Status::InvalidArgument(
          fmt::format("learn: \"{}\" is both positive and negative", type));
    }
  }
  for (const auto& [type, weight] : learn.weight) {
    if (!listed(learn.positive, type) && !listed(learn.negative, type)) {
      return Status::InvalidArgument(
          fmt::format("learn.weight: \"{}\" is neither positive nor negative", type));
    }
    if (!(weight > 0) || !std::isfinite(static_cast<float>(weight))) {
      return Status::InvalidArgument(
          fmt::format("learn.weight of \"{}\": expected a number above 0, got {}", type, weight));
    }
  }
  return {};
}

// The weight of each type key; NaN for types not learnt from.
std::vector<float> WeightByType(const events::EventStore& store, const LearnFrom& learn) {
  std::vector<float> weights;
  const auto add = [&](const std::string& type, double sign) {
    const auto key = store.FindType(type);
    if (!key) {
      return;  // nobody ever sent one
    }
    if (weights.size() <= key->value()) {
      weights.resize(size_t{key->value()} + 1, std::numeric_limits<float>::quiet_NaN());
    }
    const auto it = learn.weight.find(type);
    weights[key->value()] =
        static_cast<float>(sign * (it == learn.weight.end() ? 1.0 : it->second));
  };
  for (const std::string& type : learn.positive) {
    add(type, 1);
  }
  for (const std::string& type : learn.negative) {
    add(type, -1);
  }
  return weights;
}

std::string SourceOf(const LearnFrom& learn) {
  JsonWriter w;
  w.BeginObject().Field("made_from", "log");
  const auto list = [&w](std::string_view name, const std::vector<std::string>& types) {
    w.Key(name).BeginArray();
    for (const std::string& type : types) {
      w.String(type);
    }
    w.EndArray();
  };
  list("positive", learn.positive);
  list("negative", learn.negative);
  w.Key("weight").BeginObject();
  for (const auto& [type, weight] : learn.weight) {
    w.Field(type, weight);
  }
  w.EndObject().Field("min_value", learn.min_value).EndObject();
  return w.Take();
}

// Turns the log's keys into rows and columns, asking the store once a key.
class Reader {
 public:
  Reader(const events::EventStore& store, const LearnFrom& learn)
      : store_(store), min_value_(learn.min_value), weights_(WeightByType(store, learn)) {}

  void Take(const events::Record& record) {
    if (record.kind != events::RecordKind::kEvent || record.event.item == events::kNoItem ||
        record.unit == events::kNoUnit) {
      return;
    }
    const size_t type = record.event.type.value();
    if (type >= weights_.size() || std::isnan(weights_[type])) {
      return;
    }
    if (min_value_ != 0 && record.event.value && *record.event.value < min_value_) {
      return;
    }
    const std::optional<uint32_t> row = Row(record.unit);
    if (row) {
      const Time time = record.future ? record.received : record.time;
      builder_.Add(*row, Column(record.event.item), weights_[type], ToUnixMillis(time));
    }
  }

  internal::Builder& builder() { return builder_; }

 private:
  // Nothing for a unit that was forgotten: it is not learnt from again.
  std::optional<uint32_t> Row(events::UnitKey unit) {
    uint32_t& row = Slot(rows_, unit.value());
    if (row == kUnknown) {
      row = store_.UnitId(unit) ? builder_.Row(unit.value()) : kForgotten;
    }
    return row == kForgotten ? std::nullopt : std::optional(row);
  }

  uint32_t Column(events::ItemKey item) {
    uint32_t& column = Slot(columns_, item.value());
    if (column == kUnknown) {
      column = builder_.Column(store_.ItemId(item));
    }
    return column;
  }

  static uint32_t& Slot(std::vector<uint32_t>& table, uint32_t key) {
    if (table.size() <= key) {
      table.resize(std::max<size_t>(size_t{key} + 1, table.size() * 2), kUnknown);
    }
    return table[key];
  }

  const events::EventStore& store_;
  const double min_value_;
  const std::vector<float> weights_;
  std::vector<uint32_t> rows_;     // by unit key
  std::vector<uint32_t> columns_;  // by item key
  internal::Builder builder_;
};

}  // namespace

Result<Dataset> FromLog(events::EventStore& store, events::Cut from, events::Cut to,
                        const LearnFrom& learn) {
  HOEGO_TRY(CheckLearnFrom(learn));
  if (to < from || store.log().end() < to) {
    return Status::OutOfRange(
        fmt::format("dataset of [{}, {}): expected from <= to <= {}, the durable end of the log",
                    from.ToString(), to.ToString(), store.log().end().ToString()));
  }
  Reader reader(store, learn);
  const auto cursor = store.log().Read(from);
  while (true) {
    HOEGO_TRY_ASSIGN(const events::Record* record, cursor->Next());
    if (record == nullptr || record->at >= to) {
      break;
    }
    reader.Take(*record);
  }
  if (reader.builder().samples() == 0) {
    return Status::FailedPrecondition(
        fmt::format("dataset of [{}, {}): no event with an item of type {}", from.ToString(),
                    to.ToString(), fmt::join(learn.positive, ", ")));
  }
  Dataset dataset = reader.builder().Finish(SourceOf(learn));
  dataset.from_cut = from.ToString();
  dataset.to_cut = to.ToString();
  return dataset;
}

}  // namespace hoego::datasets
