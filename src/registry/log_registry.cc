#include <algorithm>
#include <utility>

#include "base/mutex.h"
#include "base/random.h"
#include "registry/internal/fold.h"
#include "registry/internal/name_locks.h"
#include "registry/internal/records.h"
#include "registry/names.h"
#include "registry/registry.h"

namespace hoego::registry {
namespace {

using internal::Encoded;
using internal::Fold;
using internal::ModelBirth;
using internal::ModelState;
using internal::NameLocks;
using internal::Record;

constexpr size_t kMaxTextChars = 5'000;  // a description
constexpr size_t kMaxReasonChars = 1'000;
constexpr size_t kMaxKeyChars = 250;
constexpr size_t kMaxTagChars = 8'000;
constexpr size_t kMaxTags = 100;
constexpr size_t kMaxMetrics = 1'000;
constexpr std::string_view kDefaultAlias = "champion";

Status NoModel(std::string_view name) {
  return Status::NotFound(fmt::format("no model \"{}\"", name));
}
Status NoVersion(std::string_view name, uint32_t version) {
  return Status::NotFound(fmt::format("model \"{}\" has no version {}", name, version));
}
Status NoAlias(std::string_view name, std::string_view alias) {
  return Status::NotFound(fmt::format("model \"{}\" has no alias \"{}\"", name, alias));
}

Status CheckVersion(const ModelVersion& version) {
  HOEGO_TRY(CheckSource(version.source));
  HOEGO_TRY(CheckText("description", version.description, kMaxTextChars));
  HOEGO_TRY(CheckText("run id", version.run_id, kMaxKeyChars));
  HOEGO_TRY(CheckText("dataset digest", version.dataset_digest, kMaxKeyChars));
  HOEGO_TRY(CheckText("from_cut", version.from_cut, kMaxReasonChars));
  HOEGO_TRY(CheckText("to_cut", version.to_cut, kMaxReasonChars));
  if (version.status != "READY" && version.status != "PENDING_REGISTRATION" &&
      version.status != "FAILED_REGISTRATION") {
    return Status::InvalidArgument(
        "status: expected READY, PENDING_REGISTRATION or FAILED_REGISTRATION");
  }
  if (version.tags.size() > kMaxTags || version.metrics.size() > kMaxMetrics) {
    return Status::InvalidArgument(fmt::format("{} tags and {} metrics, expected at most {} and {}",
                                               version.tags.size(), version.metrics.size(),
                                               kMaxTags, kMaxMetrics));
  }
  for (const auto& [key, value] : version.tags) {
    HOEGO_TRY(CheckText("tag key", key, kMaxKeyChars));
    HOEGO_TRY(CheckText("tag value", value, kMaxTagChars));
  }
  for (const auto& [key, value] : version.metrics) {
    HOEGO_TRY(CheckText("metric key", key, kMaxKeyChars));
  }
  return {};
}

uint64_t FingerprintOf(std::string_view kind, std::string_view name, std::string_view json) {
  return HashBytes(json, HashBytes(name, HashBytes(kind)));
}

class LogRegistry final : public Registry {
 public:
  LogRegistry(Journal& journal, const Clock& clock) : journal_(journal), clock_(clock) {}

  Status Apply(std::string_view kind, std::string_view name, std::string_view json,
               Time when) override {
    HOEGO_TRY_ASSIGN(const Record record, internal::Decode(kind, name, json, when));
    bool changed = false;
    {
      const NameLocks::Hold hold(locks_, record.model);
      MutexLock lock(mu_);
      HOEGO_TRY_ASSIGN(changed, fold_.Apply(record, FingerprintOf(kind, name, json)));
    }
    if (changed && changed_) {
      changed_(record.model);
    }
    return {};
  }

  Result<RegisteredModel> CreateModel(std::string_view name,
                                      std::string_view description) override {
    HOEGO_TRY(CheckModelName(name));
    HOEGO_TRY(CheckText("description", description, kMaxTextChars));
    if (const std::string owner = taken_ ? taken_(name) : std::string(); !owner.empty()) {
      return Status::AlreadyExists(
          fmt::format("\"{}\" is {}: a model needs another name", name, owner));
    }
    return Told(name, [&]() -> Result<RegisteredModel> {
      if (Newest(name).info != nullptr) {
        return Status::AlreadyExists(fmt::format("there is a model \"{}\" already", name));
      }
      HOEGO_TRY(Commit(std::string(name), 1, ModelBirth{std::string(description), {}}).status());
      return *Newest(name).info;
    });
  }

  Result<ModelVersion> CreateVersion(ModelVersion version) override {
    HOEGO_TRY(CheckModelName(version.model));
    HOEGO_TRY(CheckVersion(version));
    const std::string model = version.model;
    return Told(model, [&]() -> Result<ModelVersion> {
      const Now now = Newest(model);
      if (now.info == nullptr) {
        return NoModel(model);
      }
      version.version = now.info->newest_version + 1;
      HOEGO_TRY(Commit(model, now.revision + 1, version).status());
      return GetVersion(model, version.version);
    });
  }

  Result<AliasMove> MoveAlias(std::string_view model, std::string_view alias, uint32_t version,
                              std::optional<uint32_t> expected, std::string_view reason,
                              std::string_view who) override {
    HOEGO_TRY(CheckModelName(model));
    HOEGO_TRY(CheckAliasName(alias));
    HOEGO_TRY(CheckText("reason", reason, kMaxReasonChars));
    HOEGO_TRY(CheckText("who", who, kMaxKeyChars));
    return Told(model, [&]() -> Result<AliasMove> {
      const Now now = Newest(model);
      if (now.info == nullptr) {
        return NoModel(model);
      }
      const auto current = now.info->aliases.find(std::string(alias));
      AliasMove move{std::string(alias), version, 0, std::string(reason), std::string(who), {}};
      move.was = current == now.info->aliases.end() ? 0 : current->second;
      if (expected && *expected != move.was) {
        return Status::Aborted(fmt::format("alias {}@{} points to version {}, expected {}", model,
                                           alias, move.was, *expected));
      }
      if (version > now.info->newest_version) {
        return NoVersion(model, version);
      }
      if (version == 0 && move.was == 0) {
        return NoAlias(model, alias);
      }
      HOEGO_TRY_ASSIGN(move.when, Commit(std::string(model), now.revision + 1, move));
      return move;
    });
  }

  Result<RegisteredModel> GetModel(std::string_view name) const override {
    const Now now = Newest(name);
    return now.info == nullptr ? Result<RegisteredModel>(NoModel(name))
                               : Result<RegisteredModel>(*now.info);
  }

  std::vector<RegisteredModel> ListModels() const override {
    std::vector<std::shared_ptr<const RegisteredModel>> infos;
    {
      MutexLock lock(mu_);
      for (const auto& [name, state] : fold_.models()) {
        infos.push_back(state.info);
      }
    }
    return Copies(infos);
  }

  Result<ModelVersion> GetVersion(std::string_view model, uint32_t version) const override {
    std::shared_ptr<const ModelVersion> found;
    {
      MutexLock lock(mu_);
      const ModelState* state = fold_.Find(model);
      if (state == nullptr) {
        return NoModel(model);
      }
      if (version == 0 || version > state->versions.size()) {
        return NoVersion(model, version);
      }
      found = state->versions[version - 1];
    }
    return *found;
  }

  std::vector<ModelVersion> ListVersions(std::string_view model) const override {
    std::vector<std::shared_ptr<const ModelVersion>> versions;
    {
      MutexLock lock(mu_);
      const ModelState* state = fold_.Find(model);
      if (state != nullptr) {
        versions = state->versions;
      }
    }
    return Copies(versions);
  }

  Result<std::vector<AliasMove>> History(std::string_view model) const override {
    std::vector<std::shared_ptr<const AliasMove>> history;
    {
      MutexLock lock(mu_);
      const ModelState* state = fold_.Find(model);
      if (state == nullptr) {
        return NoModel(model);
      }
      history = state->history;
    }
    return Copies(history);
  }

  Result<ModelVersion> Resolve(const ModelRef& ref) const override {
    const Now now = Newest(ref.model);
    if (now.info == nullptr) {
      return NoModel(ref.model);
    }
    if (ref.version) {
      return GetVersion(ref.model, *ref.version);
    }
    const auto alias = now.info->aliases.find(ref.alias ? *ref.alias : std::string(kDefaultAlias));
    if (alias != now.info->aliases.end()) {
      return GetVersion(ref.model, alias->second);
    }
    if (ref.alias) {
      return NoAlias(ref.model, *ref.alias);
    }
    return now.info->newest_version > 0
               ? GetVersion(ref.model, now.info->newest_version)
               : Status::NotFound(fmt::format("model \"{}\" has no versions yet", ref.model));
  }

  void OnChange(std::function<void(std::string_view)> changed) override {
    changed_ = std::move(changed);
  }
  void SetTaken(std::function<std::string(std::string_view)> taken) override {
    taken_ = std::move(taken);
  }

 private:
  struct Now {
    std::shared_ptr<const RegisteredModel> info;  // null: no such model
    uint64_t revision = 0;
  };

  template <class T>
  static std::vector<T> Copies(const std::vector<std::shared_ptr<const T>>& pointers) {
    std::vector<T> copies;
    copies.reserve(pointers.size());
    for (const auto& pointer : pointers) {
      copies.push_back(*pointer);
    }
    return copies;
  }

  Now Newest(std::string_view model) const {
    MutexLock lock(mu_);
    const ModelState* state = fold_.Find(model);
    return state == nullptr ? Now{} : Now{state->info, state->applied.size()};
  }

  // Runs a change under the model's lock, then tells of it without any.
  template <class Work>
  auto Told(std::string_view model, const Work& work) -> decltype(work()) {
    auto result = [&] {
      const NameLocks::Hold hold(locks_, model);
      return work();
    }();
    if (result.ok() && changed_) {
      changed_(model);
    }
    return result;
  }

  // Journal first, then the fold, from the very bytes that a replay will see. Returns the time of
  // the change. Pre: the model's lock is held and the change was checked.
  Result<Time> Commit(std::string model, uint64_t revision,
                      std::variant<ModelBirth, ModelVersion, AliasMove> what) {
    Record record{std::move(model), revision, 0, clock_.Now(), std::move(what)};
    {
      MutexLock lock(mu_);
      record.attempt = std::max(next_attempt_, fold_.most_attempts());
    }
    const Encoded encoded = internal::Encode(record);
    if (Status appended = journal_.Append(encoded.kind, encoded.name, encoded.json);
        !appended.ok()) {
      MutexLock lock(mu_);
      next_attempt_ = std::max(next_attempt_, record.attempt + 1);
      return appended.Within(fmt::format("write {} \"{}\" to the log", encoded.kind, encoded.name));
    }
    auto written = internal::Decode(encoded.kind, encoded.name, encoded.json, record.at);
    HOEGO_CHECK(written.ok());
    MutexLock lock(mu_);
    const auto applied =
        fold_.Apply(*written, FingerprintOf(encoded.kind, encoded.name, encoded.json));
    HOEGO_CHECK(applied.ok());
    return record.at;
  }

  Journal& journal_;
  const Clock& clock_;
  std::function<void(std::string_view)> changed_;       // set once before use
  std::function<std::string(std::string_view)> taken_;  // set once before use
  NameLocks locks_;
  mutable Mutex mu_;
  Fold fold_ GUARDED_BY(mu_);
  uint64_t next_attempt_ GUARDED_BY(mu_) = 0;
};

}  // namespace

std::unique_ptr<Registry> Registry::Make(Journal& journal, const Clock& clock) {
  return std::make_unique<LogRegistry>(journal, clock);
}

}  // namespace hoego::registry
