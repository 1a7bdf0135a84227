#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "events/import.h"
#include "events/types.h"

namespace hoego::events {

// One row, its texts owned.
struct ImportedRow {
  enum class Kind { kNothing, kSkipped, kEvent, kItem };
  // kNothing: a header or an empty line; kSkipped: a line that is sound and holds no event.
  Kind kind = Kind::kNothing;
  // Event.
  std::string id;
  bool made_id = false;  // by us, from what the row says: equal rows have equal ones
  std::string type;
  std::string unit;
  std::string item;  // also of kItem
  std::string properties;
  std::optional<Time> time;
  std::optional<double> value;
  std::optional<Uuid> decision;
  // Item.
  std::string title;
  std::string year;
  std::vector<std::string> categories;
};

// Turns the lines of one file into rows; the first line tells what kind of file it is. Threads: one
// at a time.
class RowParser {
 public:
  virtual ~RowParser() = default;
  // InvalidArgument says what is wrong with the line.
  virtual Status Parse(std::string_view line, ImportedRow& row) = 0;
};

// Pre: `first_line` is the file's first line, which is then parsed like any other.
Result<std::unique_ptr<RowParser>> MakeMovieLensParser(std::string_view first_line,
                                                       const ImportOptions& options);
Result<std::unique_ptr<RowParser>> MakeCsvParser(std::string_view first_line,
                                                 const ImportOptions& options);
Result<std::unique_ptr<RowParser>> MakeJsonlParser(const ImportOptions& options);

// RFC 3339 or Unix time: below 10^11 seconds, else milliseconds. A fraction is kept to the
// millisecond.
Result<Time> ParseImportedTime(std::string_view text);
// The id of a row that has none: from what the row says. Never ends in '#' and digits.
std::string MakeRowId(const ImportedRow& row);

}  // namespace hoego::events
