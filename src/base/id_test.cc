#include "base/id.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <type_traits>
#include <unordered_set>

namespace hoego {
namespace {

using RunId = Id<struct RunTag>;
using ModelId = Id<struct ModelTag>;
using Row = Id<struct RowTag, uint32_t>;

TEST(IdTest, KindsDoNotConvert) {
  static_assert(!std::is_convertible_v<std::string, RunId>);
  static_assert(!std::is_convertible_v<RunId, std::string>);
  static_assert(!std::is_constructible_v<RunId, ModelId>);
  static_assert(!std::is_assignable_v<RunId&, ModelId>);
  static_assert(sizeof(Row) == sizeof(uint32_t));
  EXPECT_EQ(RunId("a").value(), "a");
}

TEST(IdTest, ComparesAndOrdersByItsValue) {
  EXPECT_EQ(RunId("a"), RunId("a"));
  EXPECT_LT(RunId("a"), RunId("b"));
  EXPECT_GT(Row(10), Row(9));
  EXPECT_EQ(Row(), Row(0));
}

TEST(IdTest, IsAKeyOfMapsAndSets) {
  const std::unordered_set<RunId> hashed = {RunId("a"), RunId("b"), RunId("a")};
  const std::set<Row> ordered = {Row(3), Row(1), Row(3)};
  EXPECT_EQ(hashed.size(), 2U);
  EXPECT_EQ(*ordered.begin(), Row(1));
}

}  // namespace
}  // namespace hoego
