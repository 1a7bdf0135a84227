#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "events/store.h"

namespace hoego::events {

enum class ImportFormat { kMovieLens, kCsv, kJsonl };
Result<ImportFormat> ParseImportFormat(std::string_view name);  // movielens, csv, jsonl

enum class OnError { kStop, kSkip };

// What to read and how its rows become records.
//
// movielens: recbole's .inter and .item, u.data, u.item, ratings.csv, movies.csv, ratings.dat,
// movies.dat, told apart by
//   their first line; or a folder of them, items first. A rating is an event of type `type` whose
//   value is the rating; an item gets its title as attribute and its genres as categories.
// csv: RFC 4180 with a header. `columns` says which column is what:
// "unit=user_id,item=movie,time=ts,type=action".
//   Fields: id, time, type, unit, item, value, decision; `type` may also be a constant, when no
//   column has that name. properties=* takes every other column along, properties=a+b these.
// jsonl: a line as POST /v1/events takes it; what `hoego export` adds is ignored. Of its lines
// those
//   of other kinds (decisions, exposures) and of erased events hold nothing to import: they are
//   skipped and counted.
//
// Times are RFC 3339 or Unix time: a number below 10^11 is seconds, else milliseconds.
// A row without an id gets one made from what it says and, when the file said the same before, from
// how often: equal rows of a file count once each, and importing the file again adds nothing. .xz,
// .gz and .zst are read as they are.
struct ImportOptions {
  std::string path;
  ImportFormat format = ImportFormat::kMovieLens;
  std::string columns;                // csv only
  std::string type = "watch";         // of events that name none
  OnError on_error = OnError::kStop;  // kSkip: count the bad row and go on
  size_t batch_records = 1'000;       // 1..100,000
  Status Validate() const;
};

struct RowError {
  std::string file;
  uint64_t line = 0;  // from 1
  std::string error;
};

struct ImportReport {
  uint64_t rows = 0;        // read; header lines do not count
  uint64_t accepted = 0;    // now in the log
  uint64_t duplicates = 0;  // were there before, or an item that already says the same
  uint64_t refused = 0;
  uint64_t skipped = 0;          // of another kind than events, or erased
  std::vector<RowError> errors;  // the first 20
  Cut cut;                       // everything imported lies before it
};

struct ImportProgress {
  std::string_view file;
  double share = 0;  // of all files' bytes as they lie, 0..1
  uint64_t rows = 0;
};

// Reads the file (or folder) into the log, batch after batch. Memory grows with a file only by the
// rows whose ids are made: at most 16 bytes for each distinct one.
// What was accepted stays when a later row fails or `stop` asks to end (Cancelled): importing again
// goes over it as duplicates. Threads: any; waits for the log, so not for request threads.
Result<ImportReport> Import(EventStore& store, const ImportOptions& options,
                            const std::function<void(const ImportProgress&)>& progress = {},
                            const std::stop_token& stop = {});

}  // namespace hoego::events
