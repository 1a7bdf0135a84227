#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/status.h"
#include "registry/internal/records.h"
#include "registry/registry.h"

namespace hoego::registry::internal {

// What one model has become. Its parts are shared with readers and never change; a change puts
// another in their place.
struct ModelState {
  std::shared_ptr<const RegisteredModel> info;
  std::vector<std::shared_ptr<const ModelVersion>> versions;  // version n at n − 1
  std::vector<std::shared_ptr<const AliasMove>> history;      // oldest first

  // Of each record by revision − 1.
  struct Applied {
    uint64_t fingerprint = 0;
    uint64_t attempt = 0;
  };
  std::vector<Applied> applied;
  std::shared_ptr<const RegisteredModel>
      info_before;         // the newest record; null when that is the birth
  size_t newest_kind = 0;  // index in Record::what
};

// The state that follows from a sequence of records: the same sequence gives the same state, and a
// record that does not follow from those before it is refused. Rules, with n the number of records
// of its model so far:
//   revision n + 1                               is applied, if its content follows (next version,
//   alias as it was) revision <= n, the same bytes                was applied before: ok, nothing
//   changes revision <= n, a lower attempt               was told failed and has been replaced: ok,
//   nothing changes revision = n, a higher attempt               replaces record n, which was told
//   failed although it had reached the log anything else                                DataLoss
//
// Threads: one at a time.
class Fold {
 public:
  // True when it changed something.
  Result<bool> Apply(const Record& record, uint64_t fingerprint);

  const ModelState* Find(std::string_view model) const;
  const std::map<std::string, ModelState, std::less<>>& models() const { return models_; }
  uint64_t most_attempts() const { return most_attempts_; }  // in any record

 private:
  static void Change(ModelState* state, const Record& record);
  void Undo(const std::string& model);

  std::map<std::string, ModelState, std::less<>> models_;
  uint64_t most_attempts_ = 0;
};

}  // namespace hoego::registry::internal
