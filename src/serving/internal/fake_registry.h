#pragma once

// Stand-ins for the registry and its journal, for this room's tests only.

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "registry/registry.h"

namespace hoego::serving::testing {

// Versions and aliases in memory; an alias moves at once.
class FakeRegistry final : public registry::Registry {
 public:
  void AddVersion(registry::ModelVersion v) {
    MutexLock lock(mu_);
    versions_[{v.model, v.version}] = v;
  }
  void Move(const std::string& model, const std::string& alias, uint32_t version) {
    MutexLock lock(mu_);
    aliases_[{model, alias}] = version;
  }
  Status Apply(std::string_view, std::string_view, std::string_view, Time) override { return {}; }
  Result<registry::RegisteredModel> CreateModel(std::string_view, std::string_view) override {
    return Status::Unimplemented("fake");
  }
  Result<registry::ModelVersion> CreateVersion(registry::ModelVersion) override {
    return Status::Unimplemented("fake");
  }
  Result<registry::AliasMove> MoveAlias(std::string_view model, std::string_view alias,
                                        uint32_t version, std::optional<uint32_t>,
                                        std::string_view, std::string_view) override {
    Move(std::string(model), std::string(alias), version);
    registry::AliasMove move;
    move.version = version;
    return move;
  }
  Result<registry::RegisteredModel> GetModel(std::string_view name) const override {
    MutexLock lock(mu_);
    for (const auto& [key, version] : versions_) {
      if (key.first == name) {
        registry::RegisteredModel model;
        model.name = name;
        return model;
      }
    }
    return Status::NotFound(fmt::format("no model {}", name));
  }
  std::vector<registry::RegisteredModel> ListModels() const override {
    MutexLock lock(mu_);
    std::vector<registry::RegisteredModel> out;
    for (const auto& [key, version] : versions_) {
      if (out.empty() || out.back().name != key.first) {
        out.emplace_back().name = key.first;
      }
    }
    return out;
  }
  Result<registry::ModelVersion> GetVersion(std::string_view model, uint32_t n) const override {
    MutexLock lock(mu_);
    const auto found = versions_.find({std::string(model), n});
    if (found == versions_.end()) {
      return Status::NotFound(fmt::format("no version {}/{}", model, n));
    }
    return found->second;
  }
  std::vector<registry::ModelVersion> ListVersions(std::string_view) const override { return {}; }
  Result<std::vector<registry::AliasMove>> History(std::string_view) const override {
    return std::vector<registry::AliasMove>();
  }
  Result<registry::ModelVersion> Resolve(const registry::ModelRef& ref) const override {
    auto version = ResolveNow(ref);
    if (after_resolve) {
      after_resolve();
    }
    return version;
  }
  void OnChange(std::function<void(std::string_view)>) override {}
  void SetTaken(std::function<std::string(std::string_view)>) override {}

  std::function<void()> after_resolve;  // what happens before the caller looks at the answer

 private:
  Result<registry::ModelVersion> ResolveNow(const registry::ModelRef& ref) const {
    if (ref.version.has_value()) {
      return GetVersion(ref.model, *ref.version);
    }
    uint32_t version = 0;
    {
      MutexLock lock(mu_);
      const auto found = aliases_.find({ref.model, ref.alias.value_or("champion")});
      if (found == aliases_.end()) {
        return Status::NotFound(fmt::format("no alias of {}", ref.model));
      }
      version = found->second;
    }
    return GetVersion(ref.model, version);
  }

  mutable Mutex mu_;
  std::map<std::pair<std::string, uint32_t>, registry::ModelVersion> versions_;
  std::map<std::pair<std::string, std::string>, uint32_t> aliases_;
};

class FakeJournal final : public registry::Journal {
 public:
  struct Line {
    std::string kind, name, json;
  };
  Status Append(std::string_view kind, std::string_view name, std::string_view json) override {
    if (broken.ok() || keeps_failed) {
      lines.push_back({std::string(kind), std::string(name), std::string(json)});
    }
    return broken;
  }
  std::vector<Line> lines;
  bool keeps_failed = false;
  Status broken;
};

inline registry::ModelVersion Version(const std::string& model, uint32_t number) {
  registry::ModelVersion v;
  v.model = model;
  v.version = number;
  v.source = "blob:" + model + std::to_string(number);
  return v;
}

}  // namespace hoego::serving::testing
