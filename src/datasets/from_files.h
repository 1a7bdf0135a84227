#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "datasets/dataset.h"

namespace hoego::datasets {

// Datasets made from files instead of a log: for benches, golden numbers and research data. Units
// are the file's own whole numbers and become the unit keys. Files may be packed (.xz, .gz, .zst).
// Errors name file and line.

struct Pair {
  uint32_t unit = 0;
  std::string item;
  float weight = 1;
  int64_t time_ms = 0;
};
Dataset FromPairs(const std::vector<Pair>& pairs, std::string source_json = "{}");

// `unit <tab> item <tab> rating <tab> time in Unix seconds` a line (MovieLens u.data). Ratings
// below min_rating are left out; the others weigh 1.
Result<Dataset> FromRatings(const std::string& path, double min_rating = 0);
// `unit item item …` a line, items in order of time (ML-1M sequences, amazon-seq). The time of a
// sample is its place, in ms.
Result<Dataset> FromSequences(const std::string& path);
// `unit item` a line (ML-1M in file order). The time of a sample is its line, in ms.
Result<Dataset> FromPairsFile(const std::string& path);
// Two files of `unit item item …` lines, with their split as given parts; times are 0 (Gowalla).
Result<Dataset> FromGivenLists(const std::string& train_path, const std::string& test_path);

}  // namespace hoego::datasets
