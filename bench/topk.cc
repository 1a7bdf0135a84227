// How should the ten best of n scores be found: our threshold scan, a heap, nth_element, or a
// partial sort of all? Every way must give the same answer before it is timed. Also the scan of all
// items of a factor model (n x 64) before it.
#include "kernels/topk.h"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdlib>
#include <queue>
#include <string>
#include <vector>

#include "base/random.h"
#include "kernels/aligned.h"
#include "kernels/dense.h"
#include "kernels/simd.h"

namespace hoego::kernels {
namespace {

constexpr size_t kBest = 10;

std::vector<float> Scores(size_t n) {
  Rng rng(n);
  std::vector<float> scores(n);
  for (float& s : scores) {
    s = static_cast<float>(rng.Normal());
  }
  return scores;
}

// Every seventh item was seen.
bool Unseen(uint32_t item) {
  return item % 7 != 0;
}

std::vector<Ranked> ByScan(const std::vector<float>& scores) {
  return TopK(scores, kBest, Unseen);
}

std::vector<Ranked> ByHeap(const std::vector<float>& scores) {
  const auto worst_on_top = [](const Ranked& a, const Ranked& b) { return RanksBefore(a, b); };
  std::priority_queue<Ranked, std::vector<Ranked>, decltype(worst_on_top)> heap(worst_on_top);
  for (uint32_t i = 0; i < scores.size(); ++i) {
    if (Unseen(i) && (heap.size() < kBest || RanksBefore({i, scores[i]}, heap.top()))) {
      heap.push({i, scores[i]});
      if (heap.size() > kBest) {
        heap.pop();
      }
    }
  }
  std::vector<Ranked> best;
  for (; !heap.empty(); heap.pop()) {
    best.push_back(heap.top());
  }
  std::reverse(best.begin(), best.end());
  return best;
}

std::vector<Ranked> Candidates(const std::vector<float>& scores) {
  std::vector<Ranked> all;
  all.reserve(scores.size());
  for (uint32_t i = 0; i < scores.size(); ++i) {
    if (Unseen(i)) {
      all.push_back({i, scores[i]});
    }
  }
  return all;
}

std::vector<Ranked> ByNthElement(const std::vector<float>& scores) {
  std::vector<Ranked> all = Candidates(scores);
  std::nth_element(all.begin(), all.begin() + kBest, all.end(), RanksBefore);
  all.resize(kBest);
  std::sort(all.begin(), all.end(), RanksBefore);
  return all;
}

std::vector<Ranked> ByPartialSort(const std::vector<float>& scores) {
  std::vector<Ranked> all = Candidates(scores);
  std::partial_sort(all.begin(), all.begin() + kBest, all.end(), RanksBefore);
  all.resize(kBest);
  return all;
}

using Way = std::vector<Ranked> (*)(const std::vector<float>&);

void Best10(benchmark::State& state, Way way) {
  const std::vector<float> scores = Scores(static_cast<size_t>(state.range(0)));
  const auto expected = ByPartialSort(scores);
  const auto got = way(scores);
  for (size_t k = 0; k < kBest; ++k) {
    if (got.size() != kBest || got[k].index != expected[k].index) {
      state.SkipWithError("wrong answer");
      return;
    }
  }
  for (auto _ : state) {
    benchmark::DoNotOptimize(way(scores));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetLabel(std::string(SimdLevelName(ActiveSimdLevel())));
}

void ScoreAllItems(benchmark::State& state) {
  constexpr size_t kFactors = 64;
  const size_t n = static_cast<size_t>(state.range(0));
  const std::vector<float> numbers = Scores(n * kFactors);
  const AlignedFloats items(numbers.begin(), numbers.end());
  const AlignedFloats query(numbers.begin(), numbers.begin() + kFactors);
  std::vector<float> scores(n);
  for (auto _ : state) {
    ScoreAll(query, items, kFactors, scores);
    benchmark::DoNotOptimize(scores.data());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(n * kFactors * sizeof(float)));
  state.SetLabel(std::string(SimdLevelName(ActiveSimdLevel())));
}

BENCHMARK_CAPTURE(Best10, scan, ByScan)->Arg(3706)->Arg(41'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(Best10, heap, ByHeap)->Arg(3706)->Arg(41'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(Best10, nth_element, ByNthElement)->Arg(3706)->Arg(41'000)->Arg(1'000'000);
BENCHMARK_CAPTURE(Best10, partial_sort, ByPartialSort)->Arg(3706)->Arg(41'000)->Arg(1'000'000);
BENCHMARK(ScoreAllItems)->Arg(3706)->Arg(41'000)->Arg(1'000'000);

}  // namespace
}  // namespace hoego::kernels

BENCHMARK_MAIN();
