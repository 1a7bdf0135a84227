#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "events/types.h"

namespace hoego::events {

struct LineError {
  size_t index = 0;  // of the record in the batch, from 0
  std::string error;
};

struct AppendResult {
  uint64_t accepted = 0;
  uint64_t duplicates = 0;  // same id as an earlier record of the window; the first wins
  Cut cut;                  // everything of this batch lies before it
};

// Reads records in order. Threads: one thread at a time.
class Cursor {
 public:
  virtual ~Cursor() = default;
  // The next record, valid until the next call; nothing once the durable end of the log was reached
  // (more may come).
  virtual Result<const Record*> Next() = 0;
  virtual Cut position() const = 0;
};

// The log: what happened, in order, for ever (or until retention). See docs/formats/segment.md for
// the bytes. Threads: every method from any thread.
class EventLog {
 public:
  using Done = std::function<void(const Result<AppendResult>&)>;
  virtual ~EventLog() = default;

  // Checks and writes the batch, and calls `done` once it is durable and visible to readers,
  // dictionaries, histories and the catalogue; on an error nothing of it is acknowledged. `done`
  // may run on the committing thread (be short) or, when the batch is refused at once, on the
  // caller's. After a failed write or fsync every append answers Unavailable with the cause until
  // Reopen() succeeds, which an append asks for by itself once a second has passed; reads go on.
  virtual void Append(std::span<const NewRecord> batch, Done done) = 0;

  virtual std::unique_ptr<Cursor> Read(Cut from) const = 0;
  virtual Cut begin() const = 0;  // the oldest kept record
  virtual Cut end() const = 0;    // everything before it is durable
  // Waits until end() > cut; false when asked to stop first.
  virtual bool WaitBeyond(Cut cut, const std::stop_token& stop) const = 0;
  // The first cut whose records were all received at or after t.
  virtual Result<Cut> CutAt(Time received) const = 0;
  // Why appends are refused now, or ok.
  virtual Status health() const = 0;
  virtual Status Reopen() = 0;
};

// Appends and waits. Not for request threads.
Result<AppendResult> AppendAndWait(EventLog& log, std::span<const NewRecord> batch);

}  // namespace hoego::events
