#pragma once

// The whole room on fakes of the rooms below, for this room's tests only.

#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "serving/internal/fake_model.h"
#include "serving/internal/fake_registry.h"
#include "serving/internal/fake_store.h"
#include "serving/serving.h"

namespace hoego::serving::testing {

// Chooses by a function that the test gives; remembers exposures.
class FakeRouter final : public Router {
 public:
  RouteChoice Choose(std::string_view endpoint, std::string_view unit) const override {
    return choose ? choose(endpoint, unit) : RouteChoice{};
  }
  void Exposed(std::string_view endpoint, const RouteChoice& choice, std::string_view unit,
               Time) override {
    MutexLock lock(mu_);
    exposures_.push_back(fmt::format("{} {} {} {}", endpoint, choice.test, choice.arm, unit));
  }
  std::vector<std::string> exposures() {
    MutexLock lock(mu_);
    return exposures_;
  }
  std::function<RouteChoice(std::string_view, std::string_view)> choose;

 private:
  Mutex mu_;
  std::vector<std::string> exposures_;
};

class ServingTest : public ::testing::Test, public ModelFetcher {
 protected:
  static constexpr uint32_t kItems = 30;

  explicit ServingTest(size_t max_loaded = 4, DecisionLogOptions decisions = {}) {
    for (const auto& name : ItemNames(kItems)) {
      store_.AddItem(name);
    }
    store_.follow = &clock_;
    ModelStoreOptions options;
    options.max_loaded = max_loaded;
    models_ = std::make_unique<ModelStore>(
        *this, [this](const std::string& folder) { return Read(folder); }, store_, clock_, metrics_,
        options);
    popular_ =
        std::make_unique<Popularity>(store_.fake_log, clock_, metrics_, Popularity::Options{});
    decisions_ = std::make_unique<DecisionLog>(store_.fake_log, &router_, metrics_, decisions);
    serving_ =
        std::make_unique<Serving>(ServingParts{store_, registry_, endpoints_, *models_, *popular_,
                                               *decisions_, &router_, clock_, metrics_});
    registry_.AddVersion(Version("films", 1));
    registry_.AddVersion(Version("films", 2));
    registry_.Move("films", "champion", 1);
  }

  // Before the destructors: the loader thread calls back into this object.
  void TearDown() override {
    serving_.reset();
    decisions_.reset();
    popular_.reset();
    models_.reset();
  }

  Result<std::string> Fetch(const registry::ModelVersion& v) override {
    MutexLock lock(mu_);
    if (const auto found = broken_.find(v.source); found != broken_.end()) {
      return found->second;
    }
    return v.source;
  }
  // Each version prefers another end of the items: version v gives item i the base (i * v) mod 7.
  Result<std::shared_ptr<const models::Model>> Read(const std::string& folder) {
    std::vector<float> base(kItems);
    const auto v = static_cast<uint32_t>(folder.back() - '0');
    for (uint32_t i = 0; i < kItems; ++i) {
      base[i] = static_cast<float>((i * v) % 7);
    }
    auto model = std::make_shared<FakeModel>(ItemNames(kItems), base);
    model->on_score = [this, folder] {
      std::function<void()> hook;
      {
        MutexLock lock(mu_);
        ++scored_[folder];
        hook = on_score_[folder];
      }
      if (hook) {
        hook();
      }
    };
    model->spoil = [this, folder] {
      MutexLock lock(mu_);
      return spoilt_ == folder;
    };
    return std::shared_ptr<const models::Model>(std::move(model));
  }
  void Break(const std::string& source, Status status) {
    MutexLock lock(mu_);
    broken_[source] = std::move(status);
  }
  void OnScore(const std::string& source, std::function<void()> hook) {
    MutexLock lock(mu_);
    on_score_[source] = std::move(hook);
  }
  void Spoil(const std::string& source) {
    MutexLock lock(mu_);
    spoilt_ = source;
  }
  int scored(const std::string& source) {
    MutexLock lock(mu_);
    return scored_[source];
  }

  Status Prepare(uint32_t version) {
    std::promise<Status> told;
    serving_->Prepare("films", version, [&told](const Status& s) { told.set_value(s); });
    return told.get_future().get();
  }
  void PutHome(const std::string& json = R"({"model":"films@champion","deadline_ms":60000})") {
    const auto put = endpoints_.Put("home", json);
    ASSERT_TRUE(put.ok()) << put.status().ToString();
  }
  RecommendRequest Ask(std::string_view unit, uint32_t n = 10) {
    RecommendRequest request;
    request.endpoint = "home";
    request.unit = unit;
    request.n = n;
    return request;
  }
  Result<RecommendAnswer> Recommend(const RecommendRequest& request) {
    std::promise<Result<RecommendAnswer>> told;
    serving_->Recommend(
        request, [&told](Result<RecommendAnswer> answer) { told.set_value(std::move(answer)); });
    return told.get_future().get();
  }
  static std::vector<std::string> Ids(const RecommendAnswer& answer) {
    std::vector<std::string> ids;
    for (const RecommendedItem& item : answer.items) {
      ids.push_back(item.item);
    }
    return ids;
  }
  uint64_t fallbacks(const std::string& reason) {
    return metrics_
        .counter("hoego_recommend_fallbacks_total", "", {{"endpoint", "home"}, {"reason", reason}})
        .value();
  }

  Mutex mu_;
  std::map<std::string, Status> broken_;
  std::map<std::string, std::function<void()>> on_score_;
  std::map<std::string, int> scored_;
  std::string spoilt_;
  FakeStore store_;
  FakeClock clock_;
  Metrics metrics_;
  FakeRegistry registry_;
  FakeJournal journal_;
  FakeRouter router_;
  Endpoints endpoints_{journal_, registry_};
  std::unique_ptr<ModelStore> models_;
  std::unique_ptr<Popularity> popular_;
  std::unique_ptr<DecisionLog> decisions_;
  std::unique_ptr<Serving> serving_;
};

}  // namespace hoego::serving::testing
