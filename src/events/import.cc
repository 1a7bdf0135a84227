#include "events/import.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/json.h"
#include "base/line_reader.h"
#include "events/internal/import_rows.h"
#include "events/internal/row_counts.h"
#include "events/limits.h"

namespace hoego::events {
namespace {

constexpr size_t kMostErrors = 20;

// The item's attributes as JSON.
std::string AttributesOf(const ImportedRow& row) {
  JsonWriter w;
  w.BeginObject().Field("title", row.title);
  if (!row.year.empty()) {
    w.Field("year", row.year);
  }
  return w.EndObject().Take();
}

class Importer {
 public:
  Importer(EventStore& store, const ImportOptions& options) : store_(store), options_(options) {
    rows_.reserve(options.batch_records);
  }

  Status ImportFile(const std::string& path, double share_before, double share_of_file,
                    const std::function<void(const ImportProgress&)>& progress,
                    const std::stop_token& stop) {
    file_ = std::filesystem::path(path).filename().string();
    made_ids_ = {};
    HOEGO_TRY_ASSIGN(LineReader reader, LineReader::Open(path));
    std::unique_ptr<RowParser> parser;
    while (true) {
      HOEGO_TRY_ASSIGN(const auto line, reader.Next());
      if (!line) {
        break;
      }
      if (parser == nullptr) {
        HOEGO_TRY_ASSIGN(parser, MakeParser(*line));
      }
      HOEGO_TRY(TakeLine(*parser, *line, reader.line_number()));
      if (rows_.size() == options_.batch_records) {
        HOEGO_TRY(Flush());
        if (progress) {
          progress({file_, share_before + share_of_file * reader.share_read(), report_.rows});
        }
        if (stop.stop_requested()) {
          return Status::Cancelled(
              fmt::format("{}: import stopped at line {}", file_, reader.line_number()));
        }
      }
    }
    return Flush();
  }

  ImportReport& report() { return report_; }

 private:
  struct Pending {
    ImportedRow row;
    std::string attributes;
    uint64_t line = 0;
  };

  Result<std::unique_ptr<RowParser>> MakeParser(std::string_view first_line) const {
    switch (options_.format) {
      case ImportFormat::kCsv:
        return MakeCsvParser(first_line, options_);
      case ImportFormat::kJsonl:
        return MakeJsonlParser(options_);
      case ImportFormat::kMovieLens:
        break;
    }
    auto parser = MakeMovieLensParser(first_line, options_);
    return parser.ok() ? std::move(parser)
                       : Result<std::unique_ptr<RowParser>>(parser.status().Within(file_));
  }

  Status TakeLine(RowParser& parser, std::string_view line, uint64_t number) {
    Pending pending;
    pending.line = number;
    Status parsed = parser.Parse(line, pending.row);
    if (parsed.ok() && pending.row.kind == ImportedRow::Kind::kNothing) {
      return {};
    }
    ++report_.rows;
    if (parsed.ok() && pending.row.kind == ImportedRow::Kind::kSkipped) {
      ++report_.skipped;
      return {};
    }
    if (parsed.ok()) {
      if (pending.row.kind == ImportedRow::Kind::kItem) {
        pending.attributes = AttributesOf(pending.row);
        if (SaysTheSame(pending)) {
          ++report_.duplicates;
          return {};
        }
      } else {
        MakeIdIfNone(pending.row);
      }
      parsed = CheckRecord(RecordOf(pending));
    }
    if (parsed.ok()) {
      rows_.push_back(std::move(pending));
      return {};
    }
    ++report_.refused;
    if (report_.errors.size() < kMostErrors) {
      report_.errors.push_back({file_, number, std::string(parsed.message())});
    }
    return options_.on_error == OnError::kSkip
               ? Status{}
               : parsed.Within(fmt::format("{} line {}", file_, number));
  }

  // The first row to say something keeps the id that it always had; the nth that says the same
  // after it gets "#n" behind that, which no first row's id ends with.
  void MakeIdIfNone(ImportedRow& row) {
    if (row.id.empty()) {
      row.id = MakeRowId(row);
      row.made_id = true;
    }
    if (row.made_id) {
      if (const uint32_t before = made_ids_.Add(row.id); before > 0) {
        row.id += fmt::format("#{}", before);
      }
    }
  }

  // Whether the catalogue already holds the item as this row has it.
  bool SaysTheSame(const Pending& pending) const {
    const auto key = store_.FindItem(pending.row.item);
    const auto view = store_.catalogue().view();
    const ItemInfo* const info = key ? view->Find(*key) : nullptr;
    if (info == nullptr || info->removed || info->hidden || info->expires ||
        info->attributes != pending.attributes ||
        info->categories.size() != pending.row.categories.size()) {
      return false;
    }
    for (size_t i = 0; i < info->categories.size(); ++i) {
      if (store_.catalogue().CategoryName(info->categories[i]) != pending.row.categories[i]) {
        return false;
      }
    }
    return true;
  }

  static NewRecord RecordOf(const Pending& pending) {
    const ImportedRow& row = pending.row;
    if (row.kind == ImportedRow::Kind::kItem) {
      ItemChange change;
      change.item = row.item;
      change.categories = row.categories;
      change.attributes = pending.attributes;
      return change;
    }
    return NewEvent{row.id,   row.time,  row.type,     row.unit,
                    row.item, row.value, row.decision, row.properties};
  }

  Status Flush() {
    if (rows_.empty()) {
      return {};
    }
    std::vector<NewRecord> batch;
    batch.reserve(rows_.size());
    for (const Pending& pending : rows_) {
      batch.push_back(RecordOf(pending));
    }
    HOEGO_TRY_ASSIGN(const AppendResult result, AppendAndWait(store_.log(), batch));
    report_.accepted += result.accepted;
    report_.duplicates += result.duplicates;
    report_.cut = result.cut;
    rows_.clear();
    return {};
  }

  EventStore& store_;
  const ImportOptions& options_;
  std::string file_;
  RowCounts made_ids_;  // of this file
  std::vector<Pending> rows_;
  ImportReport report_;
};

// The file itself, or the MovieLens files of a folder, items before ratings.
Result<std::vector<std::string>> FilesOf(const ImportOptions& options) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!fs::is_directory(options.path, error)) {
    return std::vector<std::string>{options.path};
  }
  if (options.format != ImportFormat::kMovieLens) {
    return Status::InvalidArgument(fmt::format("{}: a folder; name one file", options.path));
  }
  std::vector<std::string> items;
  std::vector<std::string> ratings;
  for (const auto& entry : fs::directory_iterator(options.path, error)) {
    std::string name = entry.path().filename().string();
    for (const std::string_view packed : {".xz", ".gz", ".zst"}) {
      if (name.ends_with(packed)) {
        name.resize(name.size() - packed.size());
      }
    }
    if (name.ends_with(".item") || name == "movies.csv" || name == "movies.dat") {
      items.push_back(entry.path().string());
    } else if (name.ends_with(".inter") || name == "u.data" || name == "ratings.csv" ||
               name == "ratings.dat") {
      ratings.push_back(entry.path().string());
    }
  }
  if (error || (items.empty() && ratings.empty())) {
    return Status::NotFound(fmt::format("{}: no MovieLens file in this folder", options.path));
  }
  std::sort(items.begin(), items.end());
  std::sort(ratings.begin(), ratings.end());
  items.insert(items.end(), ratings.begin(), ratings.end());
  return items;
}

}  // namespace

Result<ImportFormat> ParseImportFormat(std::string_view name) {
  if (name == "movielens") {
    return ImportFormat::kMovieLens;
  }
  if (name == "csv") {
    return ImportFormat::kCsv;
  }
  if (name == "jsonl") {
    return ImportFormat::kJsonl;
  }
  return Status::InvalidArgument(
      fmt::format("format \"{}\": expected movielens, csv or jsonl", name));
}

Status ImportOptions::Validate() const {
  if (path.empty()) {
    return Status::InvalidArgument("path: must not be empty");
  }
  if (batch_records < 1 || batch_records > kMaxBatchRecords) {
    return Status::InvalidArgument(
        fmt::format("batch_records = {}: expected 1 to {}", batch_records, kMaxBatchRecords));
  }
  if (format == ImportFormat::kCsv && columns.empty()) {
    return Status::InvalidArgument(
        "columns: csv needs a map such as unit=user_id,item=movie,time=ts,type=watch");
  }
  if (format != ImportFormat::kCsv && !columns.empty()) {
    return Status::InvalidArgument("columns: only csv takes a map of columns");
  }
  return {};
}

Result<ImportReport> Import(EventStore& store, const ImportOptions& options,
                            const std::function<void(const ImportProgress&)>& progress,
                            const std::stop_token& stop) {
  HOEGO_TRY(options.Validate());
  HOEGO_TRY_ASSIGN(const std::vector<std::string> files, FilesOf(options));
  std::vector<double> sizes;
  double total = 0;
  for (const std::string& file : files) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file, error);
    sizes.push_back(error ? 0 : static_cast<double>(bytes));
    total += sizes.back();
  }
  Importer importer(store, options);
  double before = 0;
  for (size_t i = 0; i < files.size(); ++i) {
    const double share = total > 0 ? sizes[i] / total : 0;
    HOEGO_TRY(importer.ImportFile(files[i], before, share, progress, stop));
    before += share;
  }
  if (progress) {
    progress({files.back(), 1.0, importer.report().rows});
  }
  return std::move(importer.report());
}

}  // namespace hoego::events
