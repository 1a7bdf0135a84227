#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace hoego {

std::vector<std::string_view> Split(std::string_view text, char separator);
std::string_view Trim(std::string_view text);
std::string ToLower(std::string_view ascii);
std::optional<int64_t> ParseInt(std::string_view text);    // the whole text, decimal
std::optional<double> ParseDouble(std::string_view text);  // the whole text; no NaN, no infinities
bool IsValidUtf8(std::string_view text);
std::string Latin1ToUtf8(std::string_view latin1);

// "5s", "10ms", "2m", "1h", "1d" → milliseconds.
Result<int64_t> ParseDurationMs(std::string_view text);
// "64MiB", "10kB", "4096" → bytes.
Result<uint64_t> ParseBytes(std::string_view text);

std::string HumanBytes(uint64_t bytes);  // "1.4 MiB"
std::string HumanCount(double n);        // "1.2 M"

// The known name nearest to an unknown one (Damerau–Levenshtein, at most 3 edits and half its
// length).
std::optional<std::string> NearestName(std::string_view unknown,
                                       const std::vector<std::string>& known);

std::string EscapeHtml(std::string_view text);
std::optional<std::string> PercentDecode(std::string_view text);  // nothing when malformed
std::string PercentEncode(std::string_view text);  // everything but RFC 3986's unreserved

// One record of RFC 4180 CSV with quotes; `line` must hold no line break outside quotes.
Result<std::vector<std::string>> ParseCsvLine(std::string_view line, char separator = ',');

}  // namespace hoego
