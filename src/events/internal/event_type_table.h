#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "base/mutex.h"
#include "events/event_types.h"

namespace hoego::events {

// EventTypes as an immutable map that Apply replaces. Threads: every method from any thread.
class EventTypeTable final : public EventTypes {
 public:
  explicit EventTypeTable(Metrics& metrics);

  Status CheckDeclaration(std::string_view json) const override;
  Status Apply(std::string_view name, std::string_view json) override;
  std::string Get(std::string_view name) const override;
  std::vector<std::string> names() const override;
  Status Check(std::string_view type, const JsonRef* properties) const override;
  void SetUnknownTypes(bool refuse) override { refuse_unknown_.store(refuse); }

 private:
  enum class OnViolation { kAccept, kWarn, kRefuse };
  struct Field {
    std::string name;
    std::string type;
    bool required = false;
  };
  struct Declaration {
    std::string json;
    std::vector<Field> fields;
    OnViolation on_violation = OnViolation::kWarn;
  };
  using Map = std::map<std::string, Declaration, std::less<>>;

  static Result<Declaration> Parse(std::string_view json);
  static Status CheckFields(const Declaration& declaration, std::string_view type,
                            const JsonRef* properties);
  std::shared_ptr<const Map> now() const;

  Counter& warned_;
  Counter& refused_;
  std::atomic<bool> refuse_unknown_{false};
  mutable Mutex mu_;
  std::shared_ptr<const Map> map_ GUARDED_BY(mu_);
};

}  // namespace hoego::events
