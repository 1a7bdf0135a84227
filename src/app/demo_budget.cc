#include <fmt/format.h>

#include "app/demo.h"

namespace hoego::app {
namespace {

constexpr std::string_view kShortCandidates = R"(    - item_knn: {similarity: [cosine, bm25]}
    - ease:     {l2: [100, 300, 1000]}
    - als:      {factors: [32], regularization: [0.003, 0.01], solver: [cholesky, cg]})";

constexpr std::string_view kFullCandidates = R"(    - item_knn: {similarity: [cosine, bm25], neighbours: [50, 100, 200]}
    - ease:     {l2: [50, 100, 200, 300, 500, 1000, 2000]}
    - als:      {factors: [16, 32, 64], regularization: [0.001, 0.003, 0.01, 0.03], alpha0: [0.1, 0.3], solver: [cholesky]}
    - als:      {factors: [32, 64], regularization: [0.003, 0.01], solver: [cg]})";

}  // namespace

DemoBudget BudgetOf(std::string_view name) {
  const bool small = name == "short";
  const int seconds = small ? 14 : 45;
  const std::string file = fmt::format(R"(# The demo's loop: learn from what was watched, test the best against what answers, promote by verdict.
endpoint: home
learn:
  events: {{positive: [watch]}}
  split:  {{by: time, validate: 10%, test: 10%}}
  candidates:
    - popularity: {{half_life: [0s, 30d]}}
{}
  objective: ndcg@20
gate:   {{better_than: champion, min_gain: 0}}
test:
  route: [ab 50/50 {}s]
  metric: watch_rate
  guardrails: [error_rate < 1%, p99 < 200ms]
  method: {{always_valid: true, alpha: 0.05}}
  min_effect: 10%
then:   promote
)",
                                       small ? kShortCandidates : kFullCandidates, seconds);
  return {std::chrono::seconds(seconds), file};
}

}  // namespace hoego::app
