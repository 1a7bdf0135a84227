#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"
#include "datasets/dataset.h"
#include "training/job.h"

namespace hoego::training::internal {

std::string_view PartName(datasets::Part part);  // "train", "validate", "test", "unused"
Result<datasets::Part> ParsePart(std::string_view name);

// The split alone: part of JobSpec's JSON and of StoredEvaluation::of.
void WriteSplit(const datasets::SplitSpec& split, JsonWriter& w);

// InvalidArgument for a field that is not listed, naming the nearest.
Status RefuseUnknownFields(JsonRef object, const std::vector<std::string>& known);

}  // namespace hoego::training::internal
