#include "kernels/simd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "kernels/internal/table.h"

namespace hoego::kernels {
namespace {

TEST(SimdTest, ScalarIsAlwaysSupportedAndComesFirst) {
  ASSERT_FALSE(SupportedSimdLevels().empty());
  EXPECT_EQ(SupportedSimdLevels().front(), SimdLevel::kScalar);
}

TEST(SimdTest, ASetLevelIsTheOneInUse) {
  const std::string before(SimdLevelName(ActiveSimdLevel()));
  for (const SimdLevel level : SupportedSimdLevels()) {
    ASSERT_TRUE(SetSimdLevel(SimdLevelName(level)).ok());
    EXPECT_EQ(ActiveSimdLevel(), level);
    EXPECT_EQ(internal::Table().level, level);
  }
  ASSERT_TRUE(SetSimdLevel("auto").ok());
  EXPECT_EQ(ActiveSimdLevel(), SupportedSimdLevels().back());
  ASSERT_TRUE(SetSimdLevel(before).ok());
}

TEST(SimdTest, AnUnknownLevelIsRefusedByNameAndChangesNothing) {
  const SimdLevel before = ActiveSimdLevel();
  const Status status = SetSimdLevel("sse9");
  EXPECT_EQ(status.code(), Code::kInvalidArgument);
  EXPECT_NE(status.message().find("sse9"), std::string_view::npos);
  EXPECT_NE(status.message().find("avx2"), std::string_view::npos);
  EXPECT_EQ(ActiveSimdLevel(), before);
}

TEST(SimdTest, EveryEntryOfEveryTableIsFilled) {
  for (const SimdLevel level : SupportedSimdLevels()) {
    const internal::KernelTable& t = internal::TableOf(level);
    EXPECT_EQ(t.level, level);
    EXPECT_TRUE(t.dot && t.axpy && t.score_rows && t.add_rows && t.gather_rows &&
                t.gather_transposed && t.normal_product && t.gram_upper && t.factor_tile &&
                t.solve_tile && t.solve_factored && t.above);
  }
}

}  // namespace
}  // namespace hoego::kernels
