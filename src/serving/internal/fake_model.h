#pragma once

// A stand-in for a trained model, for this room's tests only.

#include <algorithm>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "models/model.h"

namespace hoego::serving::testing {

// score(i) = base[i] + sum over the history of weight * 1 / (1 + |i - item|).
class FakeModel final : public models::Model {
 public:
  explicit FakeModel(std::vector<std::string> items, std::vector<float> base = {})
      : base_(std::move(base)) {
    manifest_.algorithm = "fake";
    manifest_.items = std::move(items);
    base_.resize(manifest_.items.size());
  }
  ~FakeModel() override {
    if (on_destroy) {
      on_destroy();
    }
  }
  const models::Manifest& manifest() const override { return manifest_; }
  static double Nearness(uint32_t a, uint32_t b) { return 1.0 / (1.0 + (a > b ? a - b : b - a)); }
  void Score(std::span<const models::Interaction> history, std::span<float> scores) const override {
    if (on_score) {
      on_score();
    }
    for (uint32_t i = 0; i < scores.size(); ++i) {
      double sum = static_cast<double>(base_[i]);
      for (const auto& h : history) {
        sum += static_cast<double>(h.weight) * Nearness(i, h.item);
      }
      scores[i] =
          spoil && spoil() ? std::numeric_limits<float>::quiet_NaN() : static_cast<float>(sum);
    }
  }
  Result<std::vector<models::Scored>> Similar(uint32_t item, size_t n) const override {
    std::vector<models::Scored> all;
    for (uint32_t i = 0; i < items(); ++i) {
      if (i != item) {
        all.push_back({i, static_cast<float>(Nearness(i, item))});
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    all.resize(std::min(n, all.size()));
    return all;
  }
  Result<models::Explanation> Explain(std::span<const models::Interaction> history,
                                      uint32_t item) const override {
    models::Explanation e;
    e.rest = static_cast<double>(base_[item]);
    e.score = e.rest;
    for (const auto& h : history) {
      e.contributions.push_back({h.item, static_cast<double>(h.weight) * Nearness(item, h.item)});
      e.score += e.contributions.back().value;
    }
    return e;
  }
  Status Save(const std::string&) const override { return {}; }
  uint64_t resident_bytes() const override { return 4 * base_.size(); }

  std::function<void()> on_destroy;
  std::function<void()> on_score;
  std::function<bool()> spoil;  // true: no score is a number any more

 private:
  models::Manifest manifest_;
  std::vector<float> base_;
};

inline std::vector<std::string> ItemNames(uint32_t n) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < n; ++i) {
    names.push_back("i" + std::to_string(i));
  }
  return names;
}

}  // namespace hoego::serving::testing
