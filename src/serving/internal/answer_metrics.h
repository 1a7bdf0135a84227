#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>

#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"

namespace hoego::serving::internal {

// The figures of answers, by endpoint and version. Only names of endpoints that exist become
// labels, and after kMaxSeries pairs of endpoint and version the version is called "other", so that
// the figures stay bounded. Threads: every method from any thread.
class AnswerMetrics {
 public:
  static constexpr size_t kMaxSeries = 1'000;

  explicit AnswerMetrics(Metrics& metrics) : metrics_(metrics) {}

  void Answered(std::string_view endpoint, std::string_view model, uint32_t version,
                std::chrono::nanoseconds took, uint32_t folded_in);
  // reason: of the ranking that was not possible.
  void FellBack(std::string_view endpoint, const Status& reason);
  void Late(std::string_view endpoint);
  // endpoint empty: one that does not exist.
  void Failed(std::string_view endpoint, Code code);

 private:
  struct Series {
    Histogram* duration = nullptr;
    Counter* folded_in = nullptr;
  };
  using Key = std::tuple<std::string, std::string, uint32_t>;
  using KeyView = std::tuple<std::string_view, std::string_view, uint32_t>;
  struct Less {
    using is_transparent = void;
    static KeyView View(const Key& k) { return {std::get<0>(k), std::get<1>(k), std::get<2>(k)}; }
    static KeyView View(const KeyView& k) { return k; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return View(a) < View(b);
    }
  };
  Series Find(std::string_view endpoint, std::string_view model, uint32_t version) EXCLUDES(mu_);

  Metrics& metrics_;
  Mutex mu_;
  std::map<Key, Series, Less> series_ GUARDED_BY(mu_);
};

}  // namespace hoego::serving::internal
