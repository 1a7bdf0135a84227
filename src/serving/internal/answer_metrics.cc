#include "serving/internal/answer_metrics.h"

namespace hoego::serving::internal {
namespace {

std::string_view ReasonWord(Code code) {
  switch (code) {
    case Code::kUnavailable:
      return "not_loaded";
    case Code::kDeadlineExceeded:
      return "deadline";
    case Code::kFailedPrecondition:
      return "unknown_unit";
    default:
      return "failed";
  }
}

}  // namespace

AnswerMetrics::Series AnswerMetrics::Find(std::string_view endpoint, std::string_view model,
                                          uint32_t version) {
  MutexLock lock(mu_);
  const auto found = series_.find(KeyView(endpoint, model, version));
  if (found != series_.end()) {
    return found->second;
  }
  const bool room = series_.size() < kMaxSeries;
  Series series;
  series.duration = &metrics_.histogram("hoego_recommend_duration_seconds",
                                        "From the request to its answer, by who answered.",
                                        {{"endpoint", std::string(endpoint)},
                                         {"model", std::string(model)},
                                         {"version", room ? fmt::format("{}", version) : "other"}});
  series.folded_in = &metrics_.counter(
      "hoego_recommend_folded_items_total",
      "Items of histories that models were told of; divided by answers, the fold-in length.",
      {{"endpoint", std::string(endpoint)}});
  if (room) {
    series_.emplace(Key(endpoint, model, version), series);
  }
  return series;
}

void AnswerMetrics::Answered(std::string_view endpoint, std::string_view model, uint32_t version,
                             std::chrono::nanoseconds took, uint32_t folded_in) {
  const Series series = Find(endpoint, model, version);
  series.duration->Observe(took);
  series.folded_in->Add(folded_in);
}

void AnswerMetrics::FellBack(std::string_view endpoint, const Status& reason) {
  metrics_
      .counter(
          "hoego_recommend_fallbacks_total", "Answers by another model than the route's.",
          {{"endpoint", std::string(endpoint)}, {"reason", std::string(ReasonWord(reason.code()))}})
      .Add();
}

void AnswerMetrics::Late(std::string_view endpoint) {
  metrics_
      .counter("hoego_recommend_late_total", "Answers after their deadline.",
               {{"endpoint", std::string(endpoint)}})
      .Add();
}

void AnswerMetrics::Failed(std::string_view endpoint, Code code) {
  metrics_
      .counter("hoego_recommend_errors_total", "Requests without an answer, by code.",
               {{"endpoint", std::string(endpoint)}, {"code", std::string(CodeName(code))}})
      .Add();
}

}  // namespace hoego::serving::internal
