#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace hoego::registry {

// Where definitions become durable: the event log. A port of this room, implemented in app/.
// Append returns once the definition is durable. After a failure it may yet have become durable:
// the definition that takes its place says so (docs/formats/definitions.md). Threads: any.
class Journal {
 public:
  virtual ~Journal() = default;
  virtual Status Append(std::string_view kind, std::string_view name, std::string_view json) = 0;
};

struct AliasMove {  // one line of an alias's history, append-only
  std::string alias;
  uint32_t version = 0;  // 0: the alias was removed
  uint32_t was = 0;      // 0: there was none
  std::string reason;
  std::string who;
  Time when;
};

// As MLflow's model version (lifecycle.md b3), with where it came from.
struct ModelVersion {
  std::string model;
  uint32_t version = 0;  // from 1, never used again
  std::string source;    // "blob:<sha256 of the folder listing>" or a run's artifact path
  std::string run_id;
  std::string description;
  std::string dataset_digest;
  std::string from_cut;
  std::string to_cut;
  std::map<std::string, std::string> tags;
  std::map<std::string, double> metrics;  // offline, as of registration
  std::string status = "READY";           // PENDING_REGISTRATION, FAILED_REGISTRATION, READY
  Time created;
};

struct RegisteredModel {
  std::string name;
  std::string description;
  std::map<std::string, std::string> tags;
  std::map<std::string, uint32_t> aliases;
  uint32_t newest_version = 0;
  Time created;
  Time updated;
};

// "films" (champion, else newest), "films/2", "films@champion".
struct ModelRef {
  std::string model;
  std::optional<uint32_t> version;
  std::optional<std::string> alias;
  static Result<ModelRef> Parse(std::string_view text);
  std::string ToString() const;
};

// Models, versions, aliases: a fold over the log's definitions of kind "model", "version" and
// "alias". A change is written to the journal first and applied once durable, under one lock a
// model, so every history is linear.
//
// Threads: every method from any thread. Reads hold a lock while they copy a pointer, never while
// the journal writes: they see the state before a change until it is applied, then the state after
// it. Cost: a look-up is logarithmic in the number of models; memory grows with the number of
// definitions (some 500 bytes each). Failure: a journal that refuses gives its own status, and
// nothing has changed.
class Registry {
 public:
  static std::unique_ptr<Registry> Make(Journal& journal, const Clock& clock);
  virtual ~Registry() = default;

  // Replays one definition at start, in log order. DataLoss when it does not follow from what came
  // before; ok and without effect when it has been applied already. FailedPrecondition for a format
  // newer than this program.
  virtual Status Apply(std::string_view kind, std::string_view name, std::string_view json,
                       Time when) = 0;

  // AlreadyExists for a taken name; InvalidArgument for an empty one, one with '@' or '/', or over
  // 250 bytes (names.h).
  virtual Result<RegisteredModel> CreateModel(std::string_view name,
                                              std::string_view description) = 0;
  // Fills in version and created. NotFound when the model does not exist.
  virtual Result<ModelVersion> CreateVersion(ModelVersion version) = 0;
  // expected: what the alias must point to now (0: nothing); absent: whatever it is. Aborted (→
  // 412) when it does not hold. The move is atomic: readers see the old version or the new one.
  // "latest" and v<digits> are refused as alias names. Version 0 removes the alias (NotFound when
  // there is none). A move to where it points already is a move, too: it stands in the history with
  // its reason.
  virtual Result<AliasMove> MoveAlias(std::string_view model, std::string_view alias,
                                      uint32_t version, std::optional<uint32_t> expected,
                                      std::string_view reason, std::string_view who) = 0;

  virtual Result<RegisteredModel> GetModel(std::string_view name) const = 0;
  virtual std::vector<RegisteredModel> ListModels() const = 0;
  virtual Result<ModelVersion> GetVersion(std::string_view model, uint32_t version) const = 0;
  virtual std::vector<ModelVersion> ListVersions(std::string_view model) const = 0;
  virtual Result<std::vector<AliasMove>> History(std::string_view model) const = 0;  // oldest first
  virtual Result<ModelVersion> Resolve(const ModelRef& ref) const = 0;

  // Told after every applied change, on the thread that made it. Set once before use.
  virtual void OnChange(std::function<void(std::string_view model)> changed) = 0;
  // What else a name belongs to ("an endpoint"), empty when it is free: models share one namespace
  // with it, and CreateModel answers AlreadyExists. Replayed records are not asked about. Set once
  // before use.
  virtual void SetTaken(std::function<std::string(std::string_view name)> taken) = 0;
};

}  // namespace hoego::registry
