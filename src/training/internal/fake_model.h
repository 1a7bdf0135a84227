#pragma once

#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "models/model.h"

namespace hoego::training::internal {

// A model for tests whose scores are any function of the history.
class FakeModel final : public models::Model {
 public:
  using ScoreItem =
      std::function<float(std::span<const models::Interaction> history, uint32_t item)>;

  FakeModel(uint32_t items, ScoreItem score) : score_(std::move(score)) {
    manifest_.algorithm = "fake";
    for (uint32_t i = 0; i < items; ++i) {
      manifest_.items.push_back("i" + std::to_string(i));
    }
  }

  const models::Manifest& manifest() const override { return manifest_; }
  void Score(std::span<const models::Interaction> history, std::span<float> scores) const override {
    for (uint32_t i = 0; i < scores.size(); ++i) {
      scores[i] = score_(history, i);
    }
  }
  Result<std::vector<models::Scored>> Similar(uint32_t, size_t) const override {
    return Status::Unimplemented("fake model");
  }
  Result<models::Explanation> Explain(std::span<const models::Interaction>,
                                      uint32_t) const override {
    return Status::Unimplemented("fake model");
  }
  Status Save(const std::string&) const override { return Status::Unimplemented("fake model"); }
  uint64_t resident_bytes() const override { return 0; }

 private:
  models::Manifest manifest_;
  ScoreItem score_;
};

}  // namespace hoego::training::internal
