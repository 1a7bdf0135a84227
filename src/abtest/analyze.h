#pragma once

#include <string>
#include <string_view>

#include "abtest/report.h"
#include "base/status.h"

namespace hoego::abtest {

// How `hoego test analyze FILE.csv` reads its file. Columns are named as in the file's first line.
struct AnalyzeOptions {
  std::string unit_column = "unit";
  std::string arm_column = "arm";
  std::string metric_column = "metric";
  std::string
      control;  // empty: the arm "control" if there is one, else the first in alphabetical order
  double alpha = 0.05;
  bool always_valid = false;  // one look at a finished file needs no more than a fixed horizon
  bool check_ratio = true;    // equal weights; false for observational data
};

// The verdict over a file of one line a unit (packed or not). A unit that comes again in the same
// arm adds to its figure, in another arm it leaves both. Values are numbers, or true and false;
// when all are 0 or 1 the metric is a conversion, and a unit has converted when any of its lines
// is 1. NotFound: no such file. InvalidArgument names the line and what was expected there. Reads
// at most 2^32 lines, holds all units in memory (about 100 bytes each).
Result<VerdictReport> AnalyzeCsv(const std::string& path, const AnalyzeOptions& options);

}  // namespace hoego::abtest
