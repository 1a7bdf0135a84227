#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "training/evaluate.h"

namespace hoego::training {

// An evaluation kept on disk (docs/formats/evaluation.md), so that models made by different jobs
// can be compared unit by unit.
struct StoredEvaluation {
  std::string of;  // dataset digest, split and parts: evaluations are comparable when it is equal
  Evaluation evaluation;
};

// Whole or not at all.
Status SaveEvaluation(const StoredEvaluation& stored, const std::string& path);
// DataLoss for altered or cut bytes, FailedPrecondition for a newer format.
Result<StoredEvaluation> LoadEvaluation(const std::string& path);

// a − b in one metric, such as "ndcg@20". FailedPrecondition when they were not evaluated on the
// same units of the same data.
Result<PairedTest> CompareStored(const StoredEvaluation& a, const StoredEvaluation& b,
                                 std::string_view metric, double confidence, int replicates,
                                 uint64_t seed);

}  // namespace hoego::training
