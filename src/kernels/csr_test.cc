#include "kernels/csr.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace hoego::kernels {
namespace {

TEST(CsrTest, ATransposeHoldsTheSameCellsWithAscendingColumns) {
  Rng rng(5);
  Csr a;
  a.rows = 20;
  a.columns = 13;
  a.begin = {0};
  std::vector<std::vector<float>> dense(20, std::vector<float>(13, 0.0F));
  for (uint32_t r = 0; r < 20; ++r) {
    for (uint32_t c = 0; c < 13; ++c) {
      if (r % 5 != 0 && rng.Chance(0.3)) {
        dense[r][c] = static_cast<float>(rng.Uniform());
        a.cols.push_back(c);
        a.values.push_back(dense[r][c]);
      }
    }
    a.begin.push_back(a.cols.size());
  }
  const Csr t = Transpose(a);
  ASSERT_EQ(t.rows, 13U);
  ASSERT_EQ(t.columns, 20U);
  ASSERT_EQ(t.nonzeros(), a.nonzeros());
  for (uint32_t c = 0; c < 13; ++c) {
    std::vector<float> row(20, 0.0F);
    for (size_t k = 0; k < t.row_columns(c).size(); ++k) {
      EXPECT_TRUE(k == 0 || t.row_columns(c)[k - 1] < t.row_columns(c)[k]);
      row[t.row_columns(c)[k]] = t.row_values(c)[k];
    }
    for (uint32_t r = 0; r < 20; ++r) {
      EXPECT_EQ(row[r], dense[r][c]);
    }
  }
}

TEST(CsrTest, AnEmptyMatrixHasAnEmptyTranspose) {
  Csr a;
  a.columns = 3;
  a.begin = {0};
  const Csr t = Transpose(a);
  EXPECT_EQ(t.rows, 3U);
  EXPECT_EQ(t.begin, (std::vector<uint64_t>{0, 0, 0, 0}));
}

}  // namespace
}  // namespace hoego::kernels
