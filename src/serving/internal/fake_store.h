#pragma once

// A stand-in for the event store, for this room's tests only.

#include <atomic>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "events/store.h"
#include "serving/internal/fake_log.h"

namespace hoego::serving::testing {

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
    auto next =
        history == nullptr ? std::make_shared<History>() : std::make_shared<History>(*history);
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
  const Clock* follow = nullptr;           // when set, events are also seen by who reads the log
  mutable std::atomic<uint64_t> calls{0};  // look-ups of any kind
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

}  // namespace hoego::serving::testing
