#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/uuid.h"

namespace hoego::serving {

// What a caller asks. All views need to live only until Recommend returns.
struct RecommendRequest {
  std::string_view endpoint;
  std::string_view unit;
  uint32_t n = 10;  // 1..1000
  std::vector<std::string_view>
      exclude;  // item ids that must not come, at most 10,000; unknown ones are fine
  std::vector<std::string_view> candidates;  // when not empty: only these may come, at most 10,000
  std::vector<std::string_view>
      categories;            // when not empty: only items in one of these, at most 100
  std::string_view context;  // a JSON object of at most 4 KiB, or empty
  std::string_view page;     // the page of an earlier answer, or empty
  std::optional<std::chrono::milliseconds> deadline;  // may only shorten the endpoint's
  std::optional<std::chrono::nanoseconds>
      arrived;  // Clock::Monotonic when the request came in; absent: now
};

struct RecommendedItem {
  std::string item;
  float score = 0;
  uint32_t position = 0;  // in this answer, from 1
  float propensity = 1;
};

struct RecommendAnswer {
  Uuid decision_id;
  std::string endpoint;
  uint64_t route_revision = 0;
  std::string model;  // "popular" with version 0: the built-in one
  uint32_t version = 0;
  std::string test;  // empty: the route is fixed
  std::string arm;
  std::vector<RecommendedItem> items;
  bool fallback = false;        // another model than the route's answered
  std::string fallback_reason;  // why, when it did
  bool logged = false;
  std::string page;  // asks for what comes next; empty: there is nothing more
};

struct SimilarAnswer {
  std::string model;
  uint32_t version = 0;
  std::vector<RecommendedItem> items;
  bool fallback = false;
};

struct ExplainAnswer {
  struct Contribution {
    std::string item;  // of the unit's history
    double value = 0;
  };
  std::string model;
  uint32_t version = 0;
  double score = 0;
  std::vector<Contribution> contributions;  // largest magnitude first
  double rest = 0;                          // score = contributions + rest, to 1e-4
};

// InvalidArgument naming the first field that is not as said above.
Status CheckRequest(const RecommendRequest& request);

}  // namespace hoego::serving
