#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/status.h"
#include "base/uuid.h"
#include "events/internal/bytes.h"
#include "events/internal/layout.h"
#include "events/internal/siphash.h"
#include "events/types.h"

// The bodies of the record kinds, to and from bytes; docs/formats/segment.md is the specification.
namespace hoego::events {

// What an event's body says in clear.
struct EventBody {
  bool ok = false;
  uint16_t type = 0;
  uint32_t item = UINT32_MAX;
  std::optional<double> value;
  std::optional<Uuid> decision;
  IdHash id;
  std::string_view sealed;
};
EventBody TakeEventBody(ByteReader& reader);

// A catalogue change as stored; texts point into the body.
struct ItemChangeBody {
  bool ok = false;
  uint32_t item = UINT32_MAX;
  bool removed = false;
  bool hidden = false;
  std::optional<Time> expires;
  std::vector<std::string_view> categories;
  std::string_view attributes;
};
ItemChangeBody TakeItemChange(std::string_view body);

struct NamedKeyBody {  // an item key or a type key with its text
  bool ok = false;
  uint32_t key = 0;
  std::string_view text;
};
NamedKeyBody TakeNamedKey(uint8_t kind, std::string_view body);

// Whom and what a record names, as keys.
struct RecordKeys {
  uint32_t unit = UINT32_MAX;
  const AesKey* secret = nullptr;  // of the unit; for the kinds that seal
  uint32_t item = UINT32_MAX;
  uint16_t type = 0;
  IdHash id;  // of an event
  AesNonce nonce{};
};
// Appends the whole record but for what StampRecord fills in; `scratch` is overwritten.
void EncodeRecord(std::string& out, const NewRecord& record, std::string_view event_id,
                  const RecordKeys& keys, std::string& scratch);
void EncodeUnitKey(std::string& out, uint32_t unit, std::string_view id, const AesKey& secret,
                   const AesNonce& nonce);
void EncodeNamedKey(std::string& out, RecordKind kind, uint32_t key, std::string_view text);
void EncodeForget(std::string& out, uint32_t unit);

// Fills in what a reader sees. Views point into `raw`. DataLoss when the body does not hold what
// its kind needs.
Status DecodeRecord(const RawRecord& raw, Record& out);
// Whether readers of the log are shown this kind: known, and not one of the log's own dictionaries'
// unknown successors.
bool IsKnownKind(uint8_t kind);
// The id hash of an event or decision record, for comparing.
std::optional<IdHash> EventIdOf(const RawRecord& raw);
std::optional<Uuid> DecisionIdOf(const RawRecord& raw);

}  // namespace hoego::events
