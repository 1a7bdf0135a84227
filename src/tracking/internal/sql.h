#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "storage/database.h"

namespace hoego::tracking::internal {

inline storage::Value AsValue(std::string_view text) {
  return std::string(text);
}
template <std::integral T>
storage::Value AsValue(T number) {
  return static_cast<int64_t>(number);
}
template <std::same_as<storage::Value> T>
storage::Value AsValue(const T& value) {
  return value;
}

// Values(run, "key", 3): the parameters of a statement, in order.
template <class... T>
std::array<storage::Value, sizeof...(T)> Values(const T&... values) {
  return {AsValue(values)...};
}

// The next number of a sequence (table `numbers`), 1, 2, …: never given twice, also not after a
// deletion.
Result<int64_t> NextNumber(storage::Transaction& transaction, std::string_view sequence);

// The one integer a query answers, if it answers a row. Source is a Transaction or a const
// Database.
template <class Source>
Result<std::optional<int64_t>> FindInt(Source& source, std::string_view sql,
                                       std::span<const storage::Value> parameters) {
  std::optional<int64_t> found;
  HOEGO_TRY(source.Query(sql, parameters, [&](const storage::Row& row) {
    found = row.Int(0);
    return Status{};
  }));
  return found;
}

}  // namespace hoego::tracking::internal
