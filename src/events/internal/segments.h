#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/disk.h"
#include "base/mutex.h"
#include "events/internal/layout.h"

namespace hoego::events {

// One file of the log: the header, then records until its end. Positions are those of the whole
// log. Threads: reads from any thread; the file is written by the committing thread alone.
struct Segment {
  uint64_t base = 0;
  std::string path;
  std::unique_ptr<File> file;

  uint64_t first() const { return base + kSegmentHeaderBytes; }  // position of its first record
  // Fills `out` from `position` on as far as the file goes.
  Result<size_t> Read(uint64_t position, std::span<char> out) const {
    return file->ReadAt(position - base, out);
  }
  // What to call a place in it in messages.
  std::string NamePlace(uint64_t position) const;
};

// Writes and syncs an empty segment; the folder is synced too.
Result<std::shared_ptr<Segment>> CreateSegment(Disk& disk, const std::string& folder, uint64_t base,
                                               std::string_view header);

// The segments that are kept, oldest first. Whoever holds one can read it also after it was
// dropped. Threads: every method from any thread.
class SegmentSet {
 public:
  void Add(std::shared_ptr<Segment> segment);  // Pre: its base is beyond all others
  void RemoveLast();
  void RemoveFront();
  std::shared_ptr<Segment> Find(uint64_t position) const;  // null: before the oldest, or none
  std::vector<std::shared_ptr<Segment>> all() const;
  std::shared_ptr<Segment> last() const;
  // The segment after `base`, or null.
  std::shared_ptr<Segment> After(uint64_t base) const;
  uint64_t begin() const;  // position of the oldest kept record

 private:
  mutable Mutex mu_;
  std::vector<std::shared_ptr<Segment>> segments_ GUARDED_BY(mu_);
};

// Reads a segment's records one after the other through a buffer. Threads: one at a time.
class SegmentScanner {
 public:
  static constexpr size_t kBufferBytes = 256u << 10;
  explicit SegmentScanner(std::shared_ptr<const Segment> segment,
                          size_t buffer_bytes = kBufferBytes);

  const Segment& segment() const { return *segment_; }
  // The record at `position`, which must end by `end`; kShort when it would not. Views live until
  // the next call.
  Result<ParseOutcome> ReadAt(uint64_t position, uint64_t end, RawRecord& out);

 private:
  Status Fill(uint64_t position, uint64_t end, size_t at_least);
  std::shared_ptr<const Segment> segment_;
  const size_t buffer_bytes_;
  std::string buffer_;
  uint64_t buffer_at_ = 0;  // position of buffer_[0]
  size_t filled_ = 0;
};

// Reads the one record at `position` into `buffer`. DataLoss when there is none or it is damaged,
// NotFound when it lies before the oldest kept segment. Cost: one read, two for a record beyond 512
// bytes.
Status ReadRecordAt(const SegmentSet& segments, uint64_t position, std::string& buffer,
                    RawRecord& out);

}  // namespace hoego::events
