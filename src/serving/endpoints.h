#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "registry/registry.h"
#include "serving/endpoint.h"
#include "serving/published.h"

namespace hoego::serving {

// One endpoint at one revision; immutable.
struct Endpoint {
  std::string name;
  EndpointDefinition definition;
  std::string json;             // the definition's JSON, with fields that only a newer server knows
  uint64_t revision = 0;        // of its route
  std::vector<Source> sources;  // the model first, then the fallbacks
};

// The endpoints: a fold over the log's definitions of kind "endpoint" and "route". A change is
// written to the journal first and seen once durable. Every change, also one that a test makes to
// the route, gives a higher revision of the endpoint; revisions go on after an endpoint was removed
// and made again, and a change that the log refused uses one up.
//
// Threads: every method from any thread. A reader takes one lock for nanoseconds; writers wait for
// each other while one of them waits for the journal.
class Endpoints {
 public:
  // Pre: both outlive this.
  Endpoints(registry::Journal& journal, const registry::Registry& registry);

  // Replays one definition at start, in log order. DataLoss when it does not follow from what came
  // before.
  Status Apply(std::string_view kind, std::string_view name, std::string_view json);

  // Makes or changes an endpoint; the same definition again changes nothing. Answers the revision.
  // InvalidArgument for a wrong definition or an unknown model, AlreadyExists when a registered
  // model has the name.
  Result<uint64_t> Put(std::string_view name, std::string_view json);
  // What Put would make of it, or why it would refuse; changes nothing.
  Result<Endpoint> Check(std::string_view name, std::string_view json) const;
  Status Remove(std::string_view name);
  // The route of this endpoint changes: a test starts, stops or moves its shares.
  Result<uint64_t> NewRevision(std::string_view name, std::string_view reason);

  // Null when there is none.
  std::shared_ptr<const Endpoint> Find(std::string_view name) const;
  // NotFound naming the nearest known name.
  Result<std::shared_ptr<const Endpoint>> Get(std::string_view name) const;
  std::vector<std::shared_ptr<const Endpoint>> List() const;  // by name

  // Told after every change of a definition, on the thread that made it. Set once before use.
  void OnChange(std::function<void()> changed) { changed_ = std::move(changed); }

 private:
  using Table = std::map<std::string, std::shared_ptr<const Endpoint>, std::less<>>;

  Status CheckModel(const Source& source) const;
  Status Write(std::string_view kind, std::string_view name, uint64_t revision,
               std::string_view json) REQUIRES(write_mu_);
  uint64_t NextRevision(std::string_view name) REQUIRES(write_mu_);
  void Publish(std::string_view name, std::shared_ptr<const Endpoint> endpoint, uint64_t revision)
      REQUIRES(write_mu_);

  registry::Journal& journal_;
  const registry::Registry& registry_;
  std::function<void()> changed_;
  Published<Table> table_;
  Mutex write_mu_;  // held while the journal writes: changes are rare, and one after the other
  std::map<std::string, uint64_t, std::less<>> revisions_
      GUARDED_BY(write_mu_);  // also of removed ones
};

}  // namespace hoego::serving
