#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace hoego::abtest::internal {

// InvalidArgument when `json` is no object or has a field that is not among `known`; `where` names
// it in the message.
Status CheckFields(JsonRef json, std::string_view where,
                   std::initializer_list<std::string_view> known);

// The field as an array of numbers.
Result<std::vector<double>> RequireNumbers(JsonRef json, std::string_view key);

// The field's word, which must be one of `allowed`; absent or null gives the first of them.
Result<std::string> WordOr(JsonRef json, std::string_view key,
                           std::initializer_list<std::string_view> allowed);

// A whole number of at least 0, as a double: counts may pass 2^53.
Result<double> RequireCount(JsonRef json, std::string_view key);

// 0 < value < 1; absent or null gives the fallback.
Result<double> ShareOr(JsonRef json, std::string_view key, double fallback);

}  // namespace hoego::abtest::internal
