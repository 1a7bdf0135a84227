#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/disk.h"
#include "events/internal/log_state.h"
#include "events/internal/segments.h"

namespace hoego::events {

// What outlives the segments that retention removed: dictionary records, definitions, and of each
// catalogue entry and each unit's attributes the newest change, under the positions they always
// had. One file, carried.rec, part of the truth (docs/formats/carried.md); replaced as a whole
// before the segments go.
//
// Life: shared by whoever reads it; replaced when retention runs. Threads: every method from any
// thread.
class Carried {
 public:
  struct Head {
    uint64_t log_id = 0;
    uint64_t upto = 0;  // base of the oldest segment that is not in it
    int64_t last_received = 0;
    uint32_t units_end = 0;
    uint64_t records = 0;
    uint64_t bytes = 0;
  };
  // Null when there is no such file. DataLoss when it is damaged: it cannot be made again.
  static Result<std::shared_ptr<const Carried>> Open(Disk& disk, const std::string& path);

  const Head& head() const { return head_; }
  Status ForEach(const std::function<Status(const RawRecord&)>& visit) const;
  // NotFound when it is not carried.
  Status ReadAt(uint64_t position, std::string& buffer, RawRecord& out) const;

  // Writes the file that carries `old` (may be null) and these segments, and opens it. Nothing is
  // changed on failure.
  static Result<std::shared_ptr<const Carried>> Replace(
      Disk& disk, const std::string& path, const Carried* old,
      const std::vector<std::shared_ptr<Segment>>& segments, uint64_t upto, const LogState& state);

 private:
  std::string path_;
  std::unique_ptr<File> file_;
  Head head_;
  std::vector<std::pair<uint64_t, uint64_t>> index_;  // position, place in the file; ascending
};

}  // namespace hoego::events
