#pragma once

// Small stand-ins for the rooms below, for this room's unit tests only.

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "events/store.h"
#include "models/model.h"
#include "registry/registry.h"

namespace hoego::serving::testing {

// A log that keeps what was appended as counts and decisions, in memory. Appends succeed unless told otherwise.
class FakeLog final : public events::EventLog {
 public:
  struct Decision {
    Uuid id;
    std::string endpoint, unit, test, arm, model;
    uint32_t version = 0;
    uint32_t candidates = 0;
    uint64_t revision = 0;
    bool fallback = false;
    std::vector<events::ChosenItem> items;
  };

  void Append(std::span<const events::NewRecord> batch, Done done) override {
    Status status;
    {
      MutexLock lock(mu_);
      ++appends_;
      appended_.NotifyAll();
      while (held_) {
        released_.Wait(mu_);
      }
      status = health_;
      if (status.ok()) {
        for (const events::NewRecord& record : batch) {
          if (const auto* d = std::get_if<events::NewDecision>(&record)) {
            Keep(*d);
          }
        }
      }
    }
    if (status.ok()) {
      done(events::AppendResult{batch.size(), 0, {}});
    } else {
      done(status);
    }
  }
  std::unique_ptr<events::Cursor> Read(events::Cut from) const override {
    return std::make_unique<Reader>(*this, from.offset);
  }
  events::Cut begin() const override { return {}; }
  events::Cut end() const override {
    MutexLock lock(mu_);
    return {records_.size()};
  }
  bool WaitBeyond(events::Cut cut, const std::stop_token& stop) const override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mu_);
      grown_.NotifyAll();
    });
    MutexLock lock(mu_);
    while (records_.size() <= cut.offset && !stop.stop_requested()) {
      grown_.Wait(mu_);
    }
    return records_.size() > cut.offset;
  }
  Result<events::Cut> CutAt(Time received) const override {
    MutexLock lock(mu_);
    uint64_t at = 0;
    while (at < records_.size() && records_[at].received < received) {
      ++at;
    }
    return events::Cut{at};
  }
  // An event that readers of the log see; an offset is a count of records.
  void Add(events::ItemKey item, Time time, Time received) {
    MutexLock lock(mu_);
    events::Record record;
    record.event.item = item;
    record.time = time;
    record.received = received;
    records_.push_back(record);
    grown_.NotifyAll();
  }
  Status health() const override {
    MutexLock lock(mu_);
    return health_;
  }
  Status Reopen() override { return {}; }

  // Appends wait while held.
  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    released_.NotifyAll();
  }
  void Break(Status status) {
    MutexLock lock(mu_);
    health_ = std::move(status);
  }
  void WaitForAppends(size_t n) {
    MutexLock lock(mu_);
    while (appends_ < n) {
      appended_.Wait(mu_);
    }
  }
  std::vector<Decision> decisions() const {
    MutexLock lock(mu_);
    return decisions_;
  }
  size_t appends() const {
    MutexLock lock(mu_);
    return appends_;
  }

 private:
  class Reader final : public events::Cursor {
   public:
    Reader(const FakeLog& log, uint64_t at) : log_(log), at_(at) {}
    Result<const events::Record*> Next() override {
      MutexLock lock(log_.mu_);
      if (at_ >= log_.records_.size()) {
        return static_cast<const events::Record*>(nullptr);
      }
      now_ = log_.records_[at_++];
      return static_cast<const events::Record*>(&now_);
    }
    events::Cut position() const override { return {at_}; }

   private:
    const FakeLog& log_;
    uint64_t at_;
    events::Record now_;
  };

  void Keep(const events::NewDecision& d) REQUIRES(mu_) {
    Decision kept;
    kept.id = d.id;
    kept.endpoint = d.endpoint;
    kept.unit = d.unit;
    kept.test = d.test;
    kept.arm = d.arm;
    kept.model = d.model;
    kept.version = d.version;
    kept.candidates = d.candidates;
    kept.revision = d.route_revision;
    kept.fallback = d.fallback;
    kept.items.assign(d.items.begin(), d.items.end());
    decisions_.push_back(std::move(kept));
  }

  mutable Mutex mu_;
  CondVar released_;
  CondVar appended_;
  mutable CondVar grown_;
  std::vector<events::Record> records_ GUARDED_BY(mu_);
  bool held_ GUARDED_BY(mu_) = false;
  size_t appends_ GUARDED_BY(mu_) = 0;
  Status health_ GUARDED_BY(mu_);
  std::vector<Decision> decisions_ GUARDED_BY(mu_);
};

// Dictionaries, histories and a catalogue in memory. Pre: set up before other threads look.
class FakeStore final : public events::EventStore,
                        public events::UnitHistory,
                        public events::Catalogue {
 public:
  using History = std::vector<events::HistoryEntry>;

  events::EventLog& log() override { return fake_log; }
  events::Catalogue& catalogue() override { return *this; }
  events::UnitHistory& history() override { return *this; }
  events::EventTypes& types() override { std::abort(); }

  std::optional<events::UnitKey> FindUnit(std::string_view unit) const override {
    return Find<events::UnitKey>(units_, unit);
  }
  std::optional<std::string> UnitId(events::UnitKey) const override { return std::nullopt; }
  std::optional<events::ItemKey> FindItem(std::string_view item) const override {
    return Find<events::ItemKey>(items_, item);
  }
  std::string ItemId(events::ItemKey key) const override {
    MutexLock lock(mu_);
    ++calls;
    return item_names_.at(key.value());
  }
  std::string TypeName(events::TypeKey key) const override {
    MutexLock lock(mu_);
    ++calls;
    return type_names_.at(key.value());
  }
  std::optional<events::TypeKey> FindType(std::string_view name) const override {
    return Find<events::TypeKey>(types_, name);
  }
  uint32_t unit_count() const override { return Size(units_); }
  uint32_t item_count() const override { return Size(items_); }

  Result<events::OpenedEvent> Open(const events::Record&) const override {
    return Status::Unimplemented("fake");
  }
  std::shared_ptr<const events::Record> FindDecision(const Uuid&) const override { return nullptr; }
  Status ScanDefinitions(events::Cut,
                         const std::function<Status(const events::Record&)>&) const override {
    return {};
  }
  Result<std::string> UnitAttributes(events::UnitKey) const override { return std::string("{}"); }
  Status Forget(std::string_view) override { return {}; }
  Result<std::vector<std::string>> Doctor() override { return std::vector<std::string>(); }
  Result<uint64_t> Retain() override { return uint64_t{0}; }

  std::shared_ptr<const History> Get(events::UnitKey unit) const override {
    MutexLock lock(mu_);
    ++calls;
    ++history_reads;
    const auto found = histories_.find(unit.value());
    return found == histories_.end() ? nullptr : found->second;
  }

  std::shared_ptr<const events::CatalogueView> view() const override {
    MutexLock lock(mu_);
    ++calls;
    return view_;
  }
  std::optional<uint32_t> CategoryId(std::string_view name) const override {
    MutexLock lock(mu_);
    const auto found = categories_.find(std::string(name));
    return found == categories_.end() ? std::nullopt : std::optional(found->second);
  }
  std::string CategoryName(uint32_t) const override { return ""; }
  uint64_t entries() const override { return 0; }

  events::ItemKey AddItem(const std::string& id) {
    MutexLock lock(mu_);
    return AddItemLocked(id);
  }
  void AddEvent(const std::string& unit, const std::string& type, const std::string& item,
                float value = std::numeric_limits<float>::quiet_NaN()) {
    MutexLock lock(mu_);
    const auto u = units_.emplace(unit, static_cast<uint32_t>(units_.size())).first->second;
    const auto [t, is_new] = types_.emplace(type, static_cast<uint32_t>(types_.size()));
    if (is_new) {
      type_names_.push_back(type);
    }
    auto& history = histories_[u];
    auto next = history == nullptr ? std::make_shared<History>()
                                   : std::make_shared<History>(*history);
    events::HistoryEntry entry;
    entry.item = AddItemLocked(item);
    entry.type = events::TypeKey(static_cast<uint16_t>(t->second));
    entry.value = value;
    next->push_back(entry);
    history = std::move(next);
    if (follow != nullptr) {
      fake_log.Add(entry.item, follow->Now(), follow->Now());
    }
  }
  void Change(const std::string& item, const std::vector<std::string>& categories,
              bool hidden = false, bool removed = false, std::optional<Time> expires = {}) {
    MutexLock lock(mu_);
    events::ItemInfo info;
    for (const std::string& c : categories) {
      info.categories.push_back(
          categories_.emplace(c, static_cast<uint32_t>(categories_.size())).first->second);
    }
    info.hidden = hidden;
    info.removed = removed;
    info.expires = expires;
    auto next = std::make_shared<View>(*view_);
    next->infos[AddItemLocked(item).value()] = info;
    view_ = std::move(next);
  }

  FakeLog fake_log;
  const Clock* follow = nullptr;  // when set, events are also seen by who reads the log
  mutable std::atomic<uint64_t> calls{0};          // look-ups of any kind
  mutable std::atomic<uint64_t> history_reads{0};

 private:
  using Names = std::map<std::string, uint32_t, std::less<>>;
  struct View final : events::CatalogueView {
    const events::ItemInfo* Find(events::ItemKey item) const override {
      const auto found = infos.find(item.value());
      return found == infos.end() ? nullptr : &found->second;
    }
    std::map<uint32_t, events::ItemInfo> infos;
  };

  events::ItemKey AddItemLocked(const std::string& id) REQUIRES(mu_) {
    const auto [found, is_new] = items_.emplace(id, static_cast<uint32_t>(items_.size()));
    if (is_new) {
      item_names_.push_back(id);
    }
    return events::ItemKey(found->second);
  }
  template <class Key>
  std::optional<Key> Find(const Names& names, std::string_view name) const {
    MutexLock lock(mu_);
    ++calls;
    const auto found = names.find(name);
    using Rep = std::decay_t<decltype(Key().value())>;
    return found == names.end() ? std::nullopt
                                : std::optional(Key(static_cast<Rep>(found->second)));
  }
  uint32_t Size(const Names& names) const {
    MutexLock lock(mu_);
    return static_cast<uint32_t>(names.size());
  }

  mutable Mutex mu_;
  Names units_, items_, types_;
  std::map<std::string, uint32_t> categories_;
  std::vector<std::string> item_names_, type_names_;
  std::map<uint32_t, std::shared_ptr<const History>> histories_;
  std::shared_ptr<const View> view_ = std::make_shared<View>();
};

// score(i) = base[i] + sum over the history of weight * 1 / (1 + |i - item|).
class FakeModel final : public models::Model {
 public:
  explicit FakeModel(std::vector<std::string> items, std::vector<float> base = {})
      : base_(std::move(base)) {
    manifest_.algorithm = "fake";
    manifest_.items = std::move(items);
    base_.resize(manifest_.items.size());
  }
  ~FakeModel() override {
    if (on_destroy) {
      on_destroy();
    }
  }
  const models::Manifest& manifest() const override { return manifest_; }
  static double Nearness(uint32_t a, uint32_t b) { return 1.0 / (1.0 + (a > b ? a - b : b - a)); }
  void Score(std::span<const models::Interaction> history, std::span<float> scores) const override {
    if (on_score) {
      on_score();
    }
    for (uint32_t i = 0; i < scores.size(); ++i) {
      double sum = static_cast<double>(base_[i]);
      for (const auto& h : history) {
        sum += static_cast<double>(h.weight) * Nearness(i, h.item);
      }
      scores[i] = spoil && spoil() ? std::numeric_limits<float>::quiet_NaN()
                                   : static_cast<float>(sum);
    }
  }
  Result<std::vector<models::Scored>> Similar(uint32_t item, size_t n) const override {
    std::vector<models::Scored> all;
    for (uint32_t i = 0; i < items(); ++i) {
      if (i != item) {
        all.push_back({i, static_cast<float>(Nearness(i, item))});
      }
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.score > b.score; });
    all.resize(std::min(n, all.size()));
    return all;
  }
  Result<models::Explanation> Explain(std::span<const models::Interaction> history,
                                      uint32_t item) const override {
    models::Explanation e;
    e.rest = static_cast<double>(base_[item]);
    e.score = e.rest;
    for (const auto& h : history) {
      e.contributions.push_back({h.item, static_cast<double>(h.weight) * Nearness(item, h.item)});
      e.score += e.contributions.back().value;
    }
    return e;
  }
  Status Save(const std::string&) const override { return {}; }
  uint64_t resident_bytes() const override { return 4 * base_.size(); }

  std::function<void()> on_destroy;
  std::function<void()> on_score;
  std::function<bool()> spoil;  // true: no score is a number any more

 private:
  models::Manifest manifest_;
  std::vector<float> base_;
};

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
  Result<registry::AliasMove> MoveAlias(std::string_view, std::string_view, uint32_t,
                                        std::optional<uint32_t>, std::string_view,
                                        std::string_view) override {
    return Status::Unimplemented("fake");
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
  void OnChange(std::function<void(std::string_view)>) override {}

 private:
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

inline std::vector<std::string> ItemNames(uint32_t n) {
  std::vector<std::string> names;
  for (uint32_t i = 0; i < n; ++i) {
    names.push_back("i" + std::to_string(i));
  }
  return names;
}

inline registry::ModelVersion Version(const std::string& model, uint32_t number) {
  registry::ModelVersion v;
  v.model = model;
  v.version = number;
  v.source = "blob:" + model + std::to_string(number);
  return v;
}

}  // namespace hoego::serving::testing
