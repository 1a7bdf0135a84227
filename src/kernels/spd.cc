#include "kernels/spd.h"

#include <cassert>

#include "kernels/aligned.h"
#include "kernels/internal/table.h"

namespace hoego::kernels {

using internal::KernelTable;
using internal::kTile;
using internal::Table;

static_assert(kTileFloats == kTile);

// Left-looking by block rows: the tiles above are final when a row of tiles is taken up, so each
// tile is loaded, updated and finished in registers and stored once.
bool FactorUpper(std::span<float> a, size_t n, std::span<float> inverse_diagonal) {
  assert(n % kTile == 0 && a.size() == n * n && inverse_diagonal.size() == n);
  const KernelTable& table = Table();
  for (size_t row = 0; row < n; row += kTile) {
    float* inverse = inverse_diagonal.data() + row;
    if (!table.factor_tile(a.data(), n, row, inverse)) {
      return false;
    }
    for (size_t column = row + kTile; column < n; column += kTile) {
      table.solve_tile(a.data(), n, row, column, inverse);
    }
  }
  return true;
}

void SolveUpper(std::span<const float> u, size_t n, std::span<const float> inverse_diagonal,
                std::span<float> b) {
  assert(n % kTile == 0 && u.size() == n * n && inverse_diagonal.size() == n && b.size() == n);
  Table().solve_factored(u.data(), n, n, inverse_diagonal.data(), b.data());
}

size_t SolveBatch(std::span<float> systems, size_t n, std::span<float> rhs,
                  std::span<float> scratch) {
  assert(n > 0 && systems.size() % (n * n) == 0 && rhs.size() * n == systems.size());
  const size_t count = rhs.size() / n;
  for (size_t s = 0; s < count; ++s) {
    const std::span<float> system = systems.subspan(s * n * n, n * n);
    if (!FactorUpper(system, n, scratch)) {
      return s;
    }
    SolveUpper(system, n, scratch, rhs.subspan(s * n, n));
  }
  return count;
}

}  // namespace hoego::kernels
