#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/status.h"
#include "registry/registry.h"

namespace hoego::registry::internal {

// The birth of a model.
struct ModelBirth {
  std::string description;
  std::map<std::string, std::string> tags;
};

// One definition of the registry as it stands in the log: docs/formats/definitions.md.
struct Record {
  std::string model;
  uint64_t revision =
      0;  // place in the model's own history, from 1: its birth, versions and alias moves together
  uint64_t attempt =
      0;  // grows with each failed append: tells a record that was told failed from its successor
  Time at;
  std::variant<ModelBirth, ModelVersion, AliasMove> what;
};

struct Encoded {
  std::string_view kind;  // "model", "version", "alias"
  std::string name;       // "films", "films/2", "films@champion"
  std::string json;
};

Encoded Encode(const Record& record);

// DataLoss for a body that no program of ours could have written, FailedPrecondition for a newer
// format, InvalidArgument for a kind that is not of this room. `when` stands in for a body without
// time.
Result<Record> Decode(std::string_view kind, std::string_view name, std::string_view json,
                      Time when);

}  // namespace hoego::registry::internal
