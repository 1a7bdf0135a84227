#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "events/store.h"
#include "kernels/csr.h"

namespace hoego::datasets {

// One thing a unit did with an item, as learnt from: event types are already weights.
struct Sample {
  uint32_t unit = 0;  // row, in order of first appearance
  uint32_t item = 0;  // column
  float weight = 1;
  int64_t time_ms = 0;
};

// Which events become samples (a loop file's learn.events).
struct LearnFrom {
  std::vector<std::string> positive;     // event types
  std::vector<std::string> negative;     // weight is negative
  std::map<std::string, double> weight;  // by type; default 1
  double min_value = 0;                  // events with a value below it are left out (0: keep all)
};

// Which part a sample belongs to. The numbers are stored (docs/formats/dataset.md).
enum class Part : uint8_t { kTrain = 0, kValidate = 1, kTest = 2, kUnused = 3 };

// An immutable snapshot: what was learnt from, named by the SHA-256 of its logical content (units,
// items, samples in order). Kept as one file (docs/formats/dataset.md); a training child reads it
// from there.
struct Dataset {
  std::string digest;    // hex, 64 characters
  std::string from_cut;  // "" when made from files
  std::string to_cut;
  std::vector<std::string> items;   // id of each column
  std::vector<uint32_t> unit_keys;  // log key of each row (its id stays sealed)
  std::vector<Sample> samples;      // by unit, then time, then order of arrival
  std::vector<Part> given_parts;    // what SplitBy::kGiven answers; empty, or one a sample
  std::string source_json = "{}";   // what made it: LearnFrom, files
};

// Events of [from, to) with an item, of the listed types, in one pass. An event whose claimed time
// lies in the future counts at the time it was received. Units that were forgotten are left out.
// Memory: 24 bytes a sample, twice while it is sorted. InvalidArgument when `learn` contradicts
// itself, FailedPrecondition when nothing fits it.
Result<Dataset> FromLog(events::EventStore& store, events::Cut from, events::Cut to,
                        const LearnFrom& learn);

// Afterwards the path holds the whole file or what it held before. FailedPrecondition when the
// digest is not the content's.
Status SaveDataset(const Dataset& dataset, const std::string& path);
// DataLoss for altered or cut bytes, FailedPrecondition for a newer format.
Result<Dataset> LoadDataset(const std::string& path);

// How samples are divided. A unit's repeats of an item never stand on two sides: what she does
// again with an item of an earlier part is kUnused (kRandom: goes where the item went), so shares
// count distinct items, rounded to the nearest.
enum class SplitBy {
  kPerUnitTime,   // each unit's last items; a unit with too few to round to one keeps all in
                  // training
  kGlobalTime,    // samples of one instant stay together
  kLeaveLastOut,  // last item to test, last but one to validation; units with fewer than 3 items
                  // all in training
  kRandom,  // by a hash of seed, unit key and item id: exact shares of the whole, whatever the
            // order of input
  kGiven,   // Dataset::given_parts
};

struct SplitSpec {
  SplitBy by = SplitBy::kPerUnitTime;
  double validate = 0.1;  // share of samples (of each unit for kPerUnitTime)
  double test = 0.1;
  uint64_t seed = 1;  // of kRandom
  Status Validate() const;
};

// "per_unit_time", "global_time", "leave_last_out", "random", "given": as in loop files and job
// specs.
std::string_view SplitByName(SplitBy by);
Result<SplitBy> ParseSplitBy(std::string_view name);

// parts[i] goes with samples[i].
struct Split {
  SplitSpec spec;
  std::vector<Part> parts;
};
Result<Split> MakeSplit(const Dataset& dataset, const SplitSpec& spec);

// FailedPrecondition for a split in which evaluation leaks into learning: the same (unit, item) in
// two of train, validate and test, or, for splits by time, a sample earlier than one of its unit
// (kGlobalTime: of anyone) in an earlier part. The message counts what it found and names the first
// by row and item.
Status CheckLeaks(const Dataset& dataset, const Split& split);

// Rows = units, columns = items; weights of the same cell are added. Parts: which samples count.
kernels::Csr ToCsr(const Dataset& dataset, const Split& split, std::vector<Part> parts);
kernels::Csr ToCsr(const Dataset& dataset);

// With the newest time of each cell, aligned with matrix.values.
struct TimedCsr {
  kernels::Csr matrix;
  std::vector<int64_t> times_ms;
};
TimedCsr ToTimedCsr(const Dataset& dataset, const Split& split, const std::vector<Part>& parts);

}  // namespace hoego::datasets
