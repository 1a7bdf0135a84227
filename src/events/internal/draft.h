#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "events/internal/log_state.h"
#include "events/internal/seal.h"
#include "events/types.h"

namespace hoego::events {

// A batch made ready outside the log's lock: checked, its ids hashed, its known names turned into
// keys, and every record whose names are all known encoded. What is left is done in order under the
// lock. Kept and used again, so that in the steady state a batch allocates nothing. Threads: one at
// a time.
class Draft {
 public:
  struct Line {
    uint32_t begin = 0;   // in bytes()
    uint32_t length = 0;  // 0: names something new, encoded once that has a key
    bool has_id = false;
    bool chained = false;         // an event with an item
    bool takes_received = false;  // its time is when it is received
    IdHash unit_hash;
    UnitKeys::Found unit;
    IdHash id;
    std::string_view event_id;
  };

  // InvalidArgument naming the first record that is wrong, or a batch that takes more than
  // `most_bytes` as stored. The batch must outlive the draft's use.
  Status Prepare(std::span<const NewRecord> batch, const LogState& state, NonceSource& nonces,
                 Time now, uint64_t most_bytes);
  // Everything is looked up again by Encode: keys found before may have been forgotten or taken
  // back.
  void Distrust();

  std::span<Line> lines() { return lines_; }
  const std::string& bytes() const { return bytes_; }
  std::string& bytes() { return bytes_; }
  std::string& scratch() { return scratch_; }
  uint64_t generation() const { return generation_; }
  // Lines not yet encoded: at most this many units, items and types are new.
  size_t open_lines() const { return open_lines_; }

 private:
  Status CheckAndHash(const NewRecord& record, const LogState& state, Line& line, Time now);
  void LookAt(const NewRecord& record, Line& line, Time now);
  void FindUnits(std::span<const NewRecord> batch, const LogState& state);
  void FindItems(std::span<const NewRecord> batch, const LogState& state);
  Status EncodeKnown(std::span<const NewRecord> batch, const LogState& state, NonceSource& nonces,
                     uint64_t most_bytes);

  std::vector<Line> lines_;
  std::vector<IdHash> unit_hashes_;  // of the lines that have a unit, in order
  std::vector<UnitKeys::Found> found_;
  std::vector<std::string_view> item_names_;  // of the lines that have an item, in order
  std::vector<uint32_t> item_keys_;
  std::string bytes_;
  std::string scratch_;
  std::vector<std::unique_ptr<std::string>> made_ids_;
  size_t made_used_ = 0;
  uint64_t generation_ = 0;
  size_t open_lines_ = 0;
  std::string type_name_;  // the type looked up last
  std::optional<uint32_t> type_key_;
};

std::string_view UnitOf(const NewRecord& record);  // empty: none
std::string_view ItemOf(const NewRecord& record);
std::string_view TypeOf(const NewRecord& record);

// Drafts that are not in use. Threads: any.
class DraftPool {
 public:
  std::unique_ptr<Draft> Take();
  void GiveBack(std::unique_ptr<Draft> draft);

 private:
  static constexpr size_t kMostKept = 16;
  static constexpr size_t kMostBytesKept = 4u << 20;
  Mutex mu_;
  std::vector<std::unique_ptr<Draft>> drafts_ GUARDED_BY(mu_);
};

}  // namespace hoego::events
