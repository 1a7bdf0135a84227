#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/random.h"
#include "base/text.h"
#include "datasets/dataset.h"

namespace hoego::datasets {
namespace {

constexpr std::array<std::pair<SplitBy, std::string_view>, 5> kNames = {{
    {SplitBy::kPerUnitTime, "per_unit_time"},
    {SplitBy::kGlobalTime, "global_time"},
    {SplitBy::kLeaveLastOut, "leave_last_out"},
    {SplitBy::kRandom, "random"},
    {SplitBy::kGiven, "given"},
}};

size_t Rounded(double share, size_t n) {
  return static_cast<size_t>(std::floor(share * static_cast<double>(n) + 0.5));
}

// Calls visit(begin, end) with the samples of each unit.
template <class Visit>
void ForEachUnit(const Dataset& dataset, const Visit& visit) {
  const std::vector<Sample>& samples = dataset.samples;
  for (size_t begin = 0; begin < samples.size();) {
    size_t end = begin + 1;
    while (end < samples.size() && samples[end].unit == samples[begin].unit) {
      ++end;
    }
    visit(begin, end);
    begin = end;
  }
}

size_t DistinctItems(const Dataset& dataset, size_t begin, size_t end) {
  std::vector<uint32_t> items;
  items.reserve(end - begin);
  for (size_t i = begin; i < end; ++i) {
    items.push_back(dataset.samples[i].item);
  }
  std::sort(items.begin(), items.end());
  return static_cast<size_t>(std::unique(items.begin(), items.end()) - items.begin());
}

// Walks one unit in order of time. stage(i, place) is the part whose stretch of time sample i lies
// in when it brings her place-th distinct item; a sample whose item came up in an earlier stretch
// is left out. `repeat_stage(i, now)` is the same for a sample that brings nothing new.
template <class Stage, class RepeatStage>
void DivideUnit(const Dataset& dataset, size_t begin, size_t end, const Stage& stage,
                const RepeatStage& repeat_stage, std::vector<Part>& parts) {
  std::unordered_map<uint32_t, Part> first_part;
  Part now = Part::kTrain;
  for (size_t i = begin; i < end; ++i) {
    const size_t place = first_part.size();
    const auto [it, is_new] = first_part.try_emplace(dataset.samples[i].item, Part::kTrain);
    now = is_new ? stage(i, place) : repeat_stage(i, now);
    if (is_new) {
      it->second = now;
    }
    parts[i] = it->second == now ? now : Part::kUnused;
  }
}

void DivideByPlace(const Dataset& dataset, size_t begin, size_t end, size_t train, size_t validate,
                   std::vector<Part>& parts) {
  const auto stage = [&](size_t, size_t place) {
    return place < train ? Part::kTrain : place < train + validate ? Part::kValidate : Part::kTest;
  };
  DivideUnit(
      dataset, begin, end, stage, [](size_t, Part now) { return now; }, parts);
}

void SplitPerUnitTime(const Dataset& dataset, const SplitSpec& spec, std::vector<Part>& parts) {
  ForEachUnit(dataset, [&](size_t begin, size_t end) {
    const size_t n = DistinctItems(dataset, begin, end);
    const size_t test = std::min(Rounded(spec.test, n), n - 1);
    const size_t validate = std::min(Rounded(spec.validate, n), n - 1 - test);
    DivideByPlace(dataset, begin, end, n - validate - test, validate, parts);
  });
}

void SplitLeaveLastOut(const Dataset& dataset, std::vector<Part>& parts) {
  ForEachUnit(dataset, [&](size_t begin, size_t end) {
    const size_t n = DistinctItems(dataset, begin, end);
    const size_t out = n < 3 ? 0 : 1;
    DivideByPlace(dataset, begin, end, n - 2 * out, out, parts);
  });
}

void SplitGlobalTime(const Dataset& dataset, const SplitSpec& spec, std::vector<Part>& parts) {
  std::vector<int64_t> times;
  times.reserve(dataset.samples.size());
  for (const Sample& s : dataset.samples) {
    times.push_back(s.time_ms);
  }
  std::sort(times.begin(), times.end());
  const size_t n = times.size();
  const size_t test = Rounded(spec.test, n);
  const size_t validate = std::min(Rounded(spec.validate, n), n - test);
  constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
  const int64_t test_from = test == 0 ? kNever : times[n - test];
  const int64_t validate_from = validate == 0 ? test_from : times[n - test - validate];
  const auto at = [&](size_t i) {
    const int64_t t = dataset.samples[i].time_ms;
    return test != 0 && t >= test_from           ? Part::kTest
           : validate != 0 && t >= validate_from ? Part::kValidate
                                                 : Part::kTrain;
  };
  ForEachUnit(dataset, [&](size_t begin, size_t end) {
    DivideUnit(
        dataset, begin, end, [&](size_t i, size_t) { return at(i); },
        [&](size_t i, Part) { return at(i); }, parts);
  });
}

// FNV-1a; the split must not change when base/random.h does.
uint64_t HashItem(std::string_view id) {
  uint64_t h = 0xcbf29ce484222325ULL;
  for (const char c : id) {
    h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3ULL;
  }
  return h;
}

void SplitRandom(const Dataset& dataset, const SplitSpec& spec, std::vector<Part>& parts) {
  struct Cell {
    uint64_t hash;
    uint32_t unit;
    uint32_t item;
  };
  std::vector<uint64_t> item_hash;
  item_hash.reserve(dataset.items.size());
  for (const std::string& item : dataset.items) {
    item_hash.push_back(HashItem(item));
  }
  std::vector<Cell> cells;
  std::vector<uint64_t> cell_of(dataset.samples.size());
  ForEachUnit(dataset, [&](size_t begin, size_t end) {
    std::unordered_map<uint32_t, uint64_t> known;
    const uint64_t unit_hash =
        Mix64(spec.seed ^ Mix64(dataset.unit_keys[dataset.samples[begin].unit]));
    for (size_t i = begin; i < end; ++i) {
      const Sample& s = dataset.samples[i];
      const auto [it, is_new] = known.try_emplace(s.item, cells.size());
      if (is_new) {
        cells.push_back({Mix64(unit_hash ^ item_hash[s.item]), s.unit, s.item});
      }
      cell_of[i] = it->second;
    }
  });
  const auto before = [&](uint64_t a, uint64_t b) {
    const auto key = [&](uint64_t c) {
      return std::tuple(cells[c].hash, dataset.unit_keys[cells[c].unit],
                        std::string_view(dataset.items[cells[c].item]));
    };
    return key(a) < key(b);
  };
  std::vector<uint64_t> order(cells.size());
  for (size_t c = 0; c < order.size(); ++c) {
    order[c] = c;
  }
  const size_t test = Rounded(spec.test, cells.size());
  const size_t held = std::min(cells.size(), test + Rounded(spec.validate, cells.size()));
  std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(held), order.end(),
                   before);
  std::nth_element(order.begin(), order.begin() + static_cast<ptrdiff_t>(test),
                   order.begin() + static_cast<ptrdiff_t>(held), before);
  std::vector<Part> part_of(cells.size(), Part::kTrain);
  for (size_t k = 0; k < held; ++k) {
    part_of[order[k]] = k < test ? Part::kTest : Part::kValidate;
  }
  for (size_t i = 0; i < parts.size(); ++i) {
    parts[i] = part_of[cell_of[i]];
  }
}

}  // namespace

std::string_view SplitByName(SplitBy by) {
  for (const auto& [value, name] : kNames) {
    if (value == by) {
      return name;
    }
  }
  return "?";
}

Result<SplitBy> ParseSplitBy(std::string_view name) {
  std::vector<std::string> known;
  for (const auto& [value, text] : kNames) {
    if (text == name) {
      return value;
    }
    known.emplace_back(text);
  }
  const auto nearest = NearestName(name, known);
  return Status::InvalidArgument(
      fmt::format("split by \"{}\": expected {}{}", name, fmt::join(known, ", "),
                  nearest ? fmt::format("; did you mean {}?", *nearest) : ""));
}

Status SplitSpec::Validate() const {
  if (!(validate >= 0 && validate < 1)) {
    return Status::InvalidArgument(
        fmt::format("split validate {}: expected a share of 0 to below 1", validate));
  }
  if (!(test >= 0 && test < 1)) {
    return Status::InvalidArgument(
        fmt::format("split test {}: expected a share of 0 to below 1", test));
  }
  if (!(validate + test < 1)) {
    return Status::InvalidArgument(
        fmt::format("split validate + test = {}: expected below 1", validate + test));
  }
  return {};
}

Result<Split> MakeSplit(const Dataset& dataset, const SplitSpec& spec) {
  HOEGO_TRY(spec.Validate());
  Split split;
  split.spec = spec;
  split.parts.assign(dataset.samples.size(), Part::kTrain);
  switch (spec.by) {
    case SplitBy::kPerUnitTime:
      SplitPerUnitTime(dataset, spec, split.parts);
      break;
    case SplitBy::kGlobalTime:
      SplitGlobalTime(dataset, spec, split.parts);
      break;
    case SplitBy::kLeaveLastOut:
      SplitLeaveLastOut(dataset, split.parts);
      break;
    case SplitBy::kRandom:
      SplitRandom(dataset, spec, split.parts);
      break;
    case SplitBy::kGiven:
      if (dataset.given_parts.size() != dataset.samples.size()) {
        return Status::FailedPrecondition("split given: the dataset came without parts");
      }
      split.parts = dataset.given_parts;
      break;
  }
  return split;
}

}  // namespace hoego::datasets
