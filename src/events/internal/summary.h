#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/disk.h"
#include "base/status.h"
#include "events/internal/id_table.h"
#include "events/internal/log_state.h"
#include "events/internal/segments.h"

namespace hoego::events {

// A unit's newest record of some sort, from the segment's base.
struct UnitPlace {
  uint32_t unit = 0;
  uint32_t place = 0;
};

// What opening a log needs to know of one segment: a function of the segment's bytes alone, so it
// may be deleted and made again at any time. Stored as a sidecar, <base>.idx
// (docs/formats/sidecar.md).
struct Summary {
  struct Head {
    uint64_t base = 0;
    uint64_t end = 0;  // position behind its last record
    uint64_t log_id = 0;
    int64_t last_received = 0;
    uint32_t units_end = 0;  // one more than the highest unit key given in it; 0: none
    uint64_t ids = 0;
  };
  Head head;
  std::vector<IdEntry> ids;           // ascending by key
  std::vector<UnitPlace> heads;       // newest event with an item, ascending by unit
  std::vector<UnitPlace> attributes;  // newest unit change, ascending by unit
  std::vector<TimeIndex::Entry> times;
  std::vector<uint64_t> definitions;  // positions
  std::string kept;  // records that are needed whole, each behind its position: item and type keys,
                     // catalogue changes, declared event types, forgettings
};

// Adds up a segment's records. Threads: one at a time.
class SummaryBuilder {
 public:
  SummaryBuilder(uint64_t base, const UnitKeys& units);
  void Add(const RawRecord& record);
  Summary Finish(bool sort_ids = true);  // Pre: called once

 private:
  const UnitKeys& units_;
  Summary summary_;
  std::vector<UnitPlace> heads_;  // in log order
  std::vector<UnitPlace> attributes_;
};

// Appends the record behind its position, as `kept` holds them.
void PutPlaced(std::string& out, const RawRecord& record);
// Visits what PutPlaced wrote. DataLoss when it is not that.
Status ForEachPlaced(std::string_view bytes, const std::function<Status(const RawRecord&)>& visit);

// How far a scan came: everything before `end` are whole records; `outcome` says why it ended
// there.
struct Scan {
  uint64_t end = 0;
  ParseOutcome outcome = ParseOutcome::kShort;
};
// Visits the segment's records in order up to the first that is not whole, at most to `size` bytes
// into the file.
Result<Scan> ScanSegment(const std::shared_ptr<const Segment>& segment, uint64_t size,
                         const std::function<Status(const RawRecord&)>& visit);

// Adds up a closed segment that ends at `end`. DataLoss naming the place when it does not. `also`
// sees every record.
Result<Summary> Summarise(const std::shared_ptr<const Segment>& segment, uint64_t end,
                          const UnitKeys& units,
                          const std::function<Status(const RawRecord&)>& also = {});

// Sidecars as bytes. Reading verifies the checksum of what it reads, and nothing else.
std::string EncodeSummary(const Summary& summary);
class Sidecar {
 public:
  // NotFound, DataLoss or FailedPrecondition (a newer format): the caller makes it anew.
  static Result<Sidecar> Open(Disk& disk, const std::string& path);
  const Summary::Head& head() const { return head_; }
  Result<Summary> Read(bool with_ids) const;

 private:
  struct Section {
    uint64_t offset = 0;
    uint64_t bytes = 0;
    uint32_t crc = 0;
  };
  static constexpr size_t kSections = 6;
  friend std::string EncodeSummary(const Summary& summary);
  Result<std::string> ReadSection(size_t which) const;

  std::string path_;
  std::unique_ptr<File> file_;
  Summary::Head head_;
  std::array<Section, kSections> sections_;
};

}  // namespace hoego::events
