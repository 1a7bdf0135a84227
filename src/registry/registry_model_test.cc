// Random operations on the registry against a twin written the plainest way, with a journal that
// fails at random, keeping the record or not; then the journal is replayed into a fresh registry.

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "registry/internal/memory_journal.h"
#include "registry/registry.h"

namespace hoego::registry {
namespace {

struct TwinMove {
  std::string alias;
  uint32_t version = 0;
  uint32_t was = 0;
  bool operator==(const TwinMove&) const = default;
};
struct TwinModel {
  std::string description;
  std::vector<std::string> versions;  // descriptions
  std::map<std::string, uint32_t> aliases;
  std::vector<TwinMove> history;
  bool operator==(const TwinModel&) const = default;
};
using Twin = std::map<std::string, TwinModel>;

Twin StateOf(const Registry& registry) {
  Twin state;
  for (const RegisteredModel& model : registry.ListModels()) {
    TwinModel& twin = state[model.name];
    twin.description = model.description;
    twin.aliases = model.aliases;
    for (const ModelVersion& version : registry.ListVersions(model.name)) {
      RC_ASSERT(version.version == twin.versions.size() + 1);
      twin.versions.push_back(version.description);
    }
    RC_ASSERT(model.newest_version == twin.versions.size());
    const auto history = registry.History(model.name);
    for (const AliasMove& move : *history) {
      twin.history.push_back({move.alias, move.version, move.was});
    }
  }
  return state;
}

enum class Fate { kWritten, kLost, kToldFailedButWritten };

struct Step {
  int what = 0;
  std::string model;
  std::string alias;
  uint32_t version = 0;
  std::optional<uint32_t> expected;
  Fate fate = Fate::kWritten;
};

Step AnyStep() {
  Step step;
  step.what = *rc::gen::weightedElement<int>({{1, 0}, {2, 1}, {5, 2}});
  step.model = *rc::gen::element<std::string>("films", "series", "영화");
  step.alias = *rc::gen::element<std::string>("champion", "candidate");
  step.version = *rc::gen::inRange<uint32_t>(0, 5);
  if (*rc::gen::arbitrary<bool>()) {
    step.expected = *rc::gen::inRange<uint32_t>(0, 4);
  }
  step.fate = *rc::gen::weightedElement<Fate>(
      {{6, Fate::kWritten}, {1, Fate::kLost}, {1, Fate::kToldFailedButWritten}});
  return step;
}

// What the twin says the step must answer, when the journal does its work.
Code Do(const Step& step, const std::string& text, Twin& twin) {
  const auto model = twin.find(step.model);
  if (step.what == 0) {
    if (model != twin.end()) {
      return Code::kAlreadyExists;
    }
    twin[step.model].description = text;
    return Code::kOk;
  }
  if (model == twin.end()) {
    return Code::kNotFound;
  }
  if (step.what == 1) {
    model->second.versions.push_back(text);
    return Code::kOk;
  }
  const uint32_t was =
      model->second.aliases.contains(step.alias) ? model->second.aliases[step.alias] : 0;
  if (step.expected && *step.expected != was) {
    return Code::kAborted;
  }
  if (step.version > model->second.versions.size() || (step.version == 0 && was == 0)) {
    return Code::kNotFound;
  }
  model->second.aliases[step.alias] = step.version;
  if (step.version == 0) {
    model->second.aliases.erase(step.alias);
  }
  model->second.history.push_back({step.alias, step.version, was});
  return Code::kOk;
}

ModelVersion VersionOf(const std::string& model, const std::string& description) {
  ModelVersion version;
  version.model = model;
  version.description = description;
  return version;
}

Code Do(const Step& step, const std::string& text, Registry& registry) {
  if (step.what == 0) {
    return registry.CreateModel(step.model, text).status().code();
  }
  if (step.what == 1) {
    return registry.CreateVersion(VersionOf(step.model, text)).status().code();
  }
  return registry.MoveAlias(step.model, step.alias, step.version, step.expected, text, "")
      .status()
      .code();
}

RC_GTEST_PROP(RegistryModelTest, AgreesWithItsTwinAndIsTheSameAfterAReplay, ()) {
  FakeClock clock;
  internal::MemoryJournal journal;
  Fate fate = Fate::kWritten;
  journal.before = [&](std::string_view, std::string_view, bool* kept) {
    *kept = fate != Fate::kLost;
    return fate == Fate::kWritten ? Status{} : Status::DataLoss("sync failed");
  };
  const auto registry = Registry::Make(journal, clock);
  Twin twin;
  const int steps = *rc::gen::inRange(0, 60);
  for (int i = 0; i < steps; ++i) {
    const Step step = AnyStep();
    const std::string text = std::to_string(i);
    clock.Advance(std::chrono::milliseconds(1));
    fate = step.fate;
    Twin next = twin;
    Code expected = Do(step, text, next);
    if (expected == Code::kOk && fate != Fate::kWritten) {
      expected = Code::kDataLoss;
    }
    RC_ASSERT(Do(step, text, *registry) == expected);
    if (expected == Code::kOk) {
      twin = next;
    }
    RC_ASSERT(StateOf(*registry) == twin);
  }
  // A change that each model acknowledges at the end, so that nothing told failed stands last in
  // the log.
  fate = Fate::kWritten;
  for (auto& [name, model] : twin) {
    RC_ASSERT(registry->CreateVersion(VersionOf(name, "end")).ok());
    model.versions.emplace_back("end");
  }
  internal::MemoryJournal unused;
  const auto fresh = Registry::Make(unused, clock);
  for (const auto& entry : journal.entries()) {
    const Status status = fresh->Apply(entry.kind, entry.name, entry.json, Time{});
    RC_ASSERT(status.ok());
  }
  Twin replayed = StateOf(*fresh);
  // A model whose birth was told failed, and never tried again, may be there: its outcome was
  // unknown.
  std::erase_if(replayed, [&](const auto& model) { return !twin.contains(model.first); });
  RC_ASSERT(replayed == twin);
  for (const auto& [name, model] : twin) {
    const RegisteredModel live = registry->GetModel(name).value();
    const RegisteredModel again = fresh->GetModel(name).value();
    RC_ASSERT(live.created == again.created && live.updated == again.updated);
  }
}

}  // namespace
}  // namespace hoego::registry
