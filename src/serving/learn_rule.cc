#include "serving/learn_rule.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/json.h"

namespace hoego::serving {
namespace {

bool Listed(const std::vector<std::string>& types, const std::string& type) {
  return std::find(types.begin(), types.end(), type) != types.end();
}

Status ReadTypes(JsonRef object, std::string_view field, std::vector<std::string>& out) {
  const auto list = object.Find(field);
  if (!list.has_value() || list->is_null()) {
    return {};
  }
  if (!list->is_array()) {
    return Status::InvalidArgument(fmt::format(
        "learn: field \"{}\": expected an array of event types, got {}", field, list->kind_name()));
  }
  return list->ForEachElement([&](JsonRef type) {
    const auto name = type.AsString();
    if (!name.has_value()) {
      return Status::InvalidArgument(fmt::format(
          "learn: field \"{}\": expected event types, got {}", field, type.kind_name()));
    }
    out.emplace_back(*name);
    return Status();
  });
}

Status ReadWeights(JsonRef object, std::map<std::string, double>& out) {
  const auto weights = object.Find("weight");
  if (!weights.has_value() || weights->is_null()) {
    return {};
  }
  if (!weights->is_object()) {
    return Status::InvalidArgument(
        fmt::format("learn: field \"weight\": expected an object, got {}", weights->kind_name()));
  }
  return weights->ForEachField([&out](std::string_view type, JsonRef value) {
    const auto weight = value.AsDouble();
    if (!weight.has_value() || !(*weight > 0) || *weight > 1e9) {
      return Status::InvalidArgument(
          fmt::format("learn: weight of \"{}\": expected a number above 0, at most 1e9", type));
    }
    out.emplace(type, *weight);
    return Status();
  });
}

}  // namespace

Result<LearnRule> LearnRule::Parse(std::string_view json) {
  LearnRule rule;
  if (json.empty()) {
    return rule;
  }
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef object, parser.Parse(json));
  if (!object.is_object()) {
    return Status::InvalidArgument(
        fmt::format("learn: expected an object, got {}", object.kind_name()));
  }
  HOEGO_TRY(ReadTypes(object, "positive", rule.positive));
  HOEGO_TRY(ReadTypes(object, "negative", rule.negative));
  HOEGO_TRY(ReadWeights(object, rule.weight));
  HOEGO_TRY_ASSIGN(rule.min_value, object.DoubleOr("min_value", 0));
  for (const std::string& type : rule.negative) {
    if (Listed(rule.positive, type)) {
      return Status::InvalidArgument(
          fmt::format("learn: \"{}\" is both positive and negative", type));
    }
  }
  return rule;
}

float LearnRule::WeightOf(const std::string& type) const {
  const auto found = weight.find(type);
  const auto w = static_cast<float>(found == weight.end() ? 1.0 : found->second);
  if (Listed(negative, type)) {
    return -w;
  }
  return positive.empty() || Listed(positive, type) ? w : 0.0f;
}

LearnWeights::LearnWeights(LearnRule rule, const events::EventStore& store)
    : rule_(std::move(rule)), store_(store), table_(std::make_shared<const Table>()) {}

std::shared_ptr<const LearnWeights::Table> LearnWeights::Extend(size_t types) const {
  MutexLock lock(mu_);
  auto next = std::make_shared<Table>(*table_.get());
  for (size_t k = next->size(); k < types; ++k) {
    next->push_back(rule_.WeightOf(store_.TypeName(events::TypeKey(static_cast<uint16_t>(k)))));
  }
  table_.Publish(next);
  return next;
}

void LearnWeights::FoldIn(std::span<const events::HistoryEntry> history, const ItemMap& items,
                          std::vector<models::Interaction>& out) const {
  out.clear();
  auto weights = table_.get();
  for (const events::HistoryEntry& event : history) {
    const size_t type = event.type.value();
    if (type >= weights->size()) {
      weights = Extend(type + 1);
    }
    const float weight = (*weights)[type];
    const uint32_t index = items.index(event.item);
    // An event without a value holds NaN and is never too low.
    const bool too_low = rule_.min_value != 0 && event.value < static_cast<float>(rule_.min_value);
    if (weight != 0 && index != kNoIndex && !too_low) {
      out.push_back({index, weight});
    }
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.item < b.item; });
  size_t kept = 0;
  for (size_t i = 0; i < out.size();) {
    models::Interaction sum = out[i];
    for (++i; i < out.size() && out[i].item == sum.item; ++i) {
      sum.weight += out[i].weight;
    }
    if (sum.weight != 0) {
      out[kept++] = sum;
    }
  }
  out.resize(kept);
}

}  // namespace hoego::serving
