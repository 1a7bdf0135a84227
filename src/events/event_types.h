#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/status.h"

namespace hoego::events {

// Declared event types (PUT /v1/event-types/{t}): which properties an event of a type has and what
// happens when it does not fit. Unknown types follow the setting events.unknown_types = accept |
// refuse. Threads: every method from any thread.
class EventTypes {
 public:
  virtual ~EventTypes() = default;
  // Checks the declaration
  // {"fields":{name:{"type":"number|string|boolean|object|array","required":bool}},
  // "on_violation":"accept|warn|refuse"}; the caller appends it to the log as
  // Definition{"event_type", name, json}.
  virtual Status CheckDeclaration(std::string_view json) const = 0;
  virtual Status Apply(std::string_view name, std::string_view json) = 0;
  virtual std::string Get(
      std::string_view name) const = 0;  // the declaration's JSON, empty when undeclared
  virtual std::vector<std::string> names() const = 0;
  // Ok, or InvalidArgument when an event must be refused. Warnings are counted in
  // hoego_event_type_violations_total.
  virtual Status Check(std::string_view type, const JsonRef* properties) const = 0;
  virtual void SetUnknownTypes(bool refuse) = 0;
};

}  // namespace hoego::events
