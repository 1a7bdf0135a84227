#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/check.h"
#include "datasets/dataset.h"

namespace hoego::datasets {
namespace {

// Takes the samples i with wanted(i). Samples come by unit, so each row is one small sort by
// column.
template <class Wanted>
TimedCsr Build(const Dataset& dataset, const Wanted& wanted) {
  struct Cell {
    uint32_t column;
    float weight;
    int64_t time_ms;
  };
  TimedCsr out;
  kernels::Csr& m = out.matrix;
  m.rows = static_cast<uint32_t>(dataset.unit_keys.size());
  m.columns = static_cast<uint32_t>(dataset.items.size());
  m.begin.assign(size_t{m.rows} + 1, 0);
  std::vector<Cell> row;
  size_t i = 0;
  for (uint32_t u = 0; u < m.rows; ++u) {
    row.clear();
    for (; i < dataset.samples.size() && dataset.samples[i].unit == u; ++i) {
      if (wanted(i)) {
        row.push_back(
            {dataset.samples[i].item, dataset.samples[i].weight, dataset.samples[i].time_ms});
      }
    }
    // Stable, so that equal cells are added in order of time, whatever the standard library.
    std::stable_sort(row.begin(), row.end(),
                     [](const Cell& a, const Cell& b) { return a.column < b.column; });
    for (size_t k = 0; k < row.size(); ++k) {
      if (k > 0 && row[k].column == row[k - 1].column) {
        m.values.back() += row[k].weight;
        out.times_ms.back() = std::max(out.times_ms.back(), row[k].time_ms);
        continue;
      }
      m.cols.push_back(row[k].column);
      m.values.push_back(row[k].weight);
      out.times_ms.push_back(row[k].time_ms);
    }
    m.begin[u + 1] = m.cols.size();
  }
  HOEGO_CHECK(i == dataset.samples.size());
  return out;
}

}  // namespace

TimedCsr ToTimedCsr(const Dataset& dataset, const Split& split, const std::vector<Part>& parts) {
  HOEGO_CHECK(split.parts.size() == dataset.samples.size());
  std::array<bool, 4> wanted{};
  for (const Part part : parts) {
    wanted[static_cast<size_t>(part)] = true;
  }
  return Build(dataset, [&](size_t i) { return wanted[static_cast<size_t>(split.parts[i])]; });
}

kernels::Csr ToCsr(const Dataset& dataset, const Split& split, std::vector<Part> parts) {
  return ToTimedCsr(dataset, split, parts).matrix;
}

kernels::Csr ToCsr(const Dataset& dataset) {
  return Build(dataset, [](size_t) { return true; }).matrix;
}

}  // namespace hoego::datasets
