#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"
#include "tracking/tracking.h"

namespace hoego::tracking {

// MLflow's limits (lengths in characters, that is Unicode code points).
inline constexpr size_t kMaxKeyChars = 250;
inline constexpr size_t kMaxParamChars = 6'000;
inline constexpr size_t kMaxTagChars = 8'000;
inline constexpr size_t kMaxNameChars = 500;  // of experiments and runs
inline constexpr size_t kMaxBatchMetrics = 1'000;
inline constexpr size_t kMaxBatchParams = 100;
inline constexpr size_t kMaxBatchTags = 100;
inline constexpr size_t kMaxBatchEntities = 1'000;  // metrics, params and tags together
inline constexpr size_t kMaxHistoryPage = 25'000;
inline constexpr size_t kMaxRunPage = 50'000;

// Each answers ok or InvalidArgument naming what is wrong, where, and what was expected.

// A key of a param, tag or metric: 1..250 characters of UTF-8 without control characters that could
// be a relative path (no leading or trailing slash, no empty, "." or ".." component), since clients
// make file names of keys.
Status CheckKey(std::string_view what, std::string_view key);
// Free text without NUL; `what` and `key` name it in the message.
Status CheckText(std::string_view what, std::string_view key, std::string_view text,
                 size_t most_chars);
Status CheckExperimentName(std::string_view name);
Status CheckNewRun(const NewRun& run);
// Sizes, keys, values; the same param twice only with the same value.
Status CheckBatch(const Batch& batch);

}  // namespace hoego::tracking
