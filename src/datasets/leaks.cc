#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <unordered_map>
#include <vector>

#include "datasets/dataset.h"

namespace hoego::datasets {
namespace {

constexpr size_t kParts = 3;  // train, validate, test; what is unused cannot leak

struct Finding {
  uint64_t count = 0;
  std::string first;
  void Add(std::string what) {
    if (count++ == 0) {
      first = std::move(what);
    }
  }
};

// The first and last moment of each part.
struct Stretch {
  std::array<int64_t, kParts> first;
  std::array<int64_t, kParts> last;
  Stretch() {
    first.fill(std::numeric_limits<int64_t>::max());
    last.fill(std::numeric_limits<int64_t>::min());
  }
  void Add(size_t part, int64_t t) {
    first[part] = std::min(first[part], t);
    last[part] = std::max(last[part], t);
  }
  // The part earlier in the order that reaches beyond the beginning of a later one, or kParts.
  size_t Overlapping() const {
    const int64_t evaluation = std::min(first[1], first[2]);
    if (last[0] > evaluation) {
      return 0;
    }
    return last[1] > first[2] ? 1 : kParts;
  }
};

constexpr std::array<std::string_view, kParts> kPartNames = {"train", "validate", "test"};

void FindSharedCells(const Dataset& dataset, const Split& split, Finding& found) {
  std::unordered_map<uint32_t, Part> part_of_item;
  for (size_t i = 0; i < dataset.samples.size(); ++i) {
    const Sample& s = dataset.samples[i];
    if (i == 0 || s.unit != dataset.samples[i - 1].unit) {
      part_of_item.clear();
    }
    if (split.parts[i] == Part::kUnused) {
      continue;
    }
    const auto [it, is_new] = part_of_item.try_emplace(s.item, split.parts[i]);
    if (!is_new && it->second != split.parts[i]) {
      found.Add(fmt::format("row {} has item \"{}\" in {} and in {}", s.unit, dataset.items[s.item],
                            kPartNames[static_cast<size_t>(it->second)],
                            kPartNames[static_cast<size_t>(split.parts[i])]));
    }
  }
}

void FindOverlap(const Dataset& dataset, const Split& split, bool of_each_unit, Finding& found) {
  Stretch stretch;
  const auto report = [&](std::string_view whose) {
    const size_t part = stretch.Overlapping();
    if (part < kParts) {
      found.Add(fmt::format("{} has a {} sample later than one it is evaluated on", whose,
                            kPartNames[part]));
    }
  };
  for (size_t i = 0; i < dataset.samples.size(); ++i) {
    const Sample& s = dataset.samples[i];
    if (of_each_unit && i > 0 && s.unit != dataset.samples[i - 1].unit) {
      report(fmt::format("row {}", dataset.samples[i - 1].unit));
      stretch = Stretch();
    }
    if (split.parts[i] != Part::kUnused) {
      stretch.Add(static_cast<size_t>(split.parts[i]), s.time_ms);
    }
  }
  report(of_each_unit && !dataset.samples.empty()
             ? fmt::format("row {}", dataset.samples.back().unit)
             : "the dataset");
}

}  // namespace

Status CheckLeaks(const Dataset& dataset, const Split& split) {
  if (split.parts.size() != dataset.samples.size()) {
    return Status::InvalidArgument(fmt::format("leak check: the split has {} parts for {} samples",
                                               split.parts.size(), dataset.samples.size()));
  }
  Finding shared;
  FindSharedCells(dataset, split, shared);
  if (shared.count > 0) {
    return Status::FailedPrecondition(fmt::format(
        "leaked split: {} samples stand on two sides; the first: {}", shared.count, shared.first));
  }
  const SplitBy by = split.spec.by;
  if (by == SplitBy::kRandom || by == SplitBy::kGiven) {
    return {};
  }
  Finding overlap;
  FindOverlap(dataset, split, by != SplitBy::kGlobalTime, overlap);
  if (overlap.count > 0) {
    return Status::FailedPrecondition(
        fmt::format("leaked split: time runs backwards in {} places; the first: {}", overlap.count,
                    overlap.first));
  }
  return {};
}

}  // namespace hoego::datasets
