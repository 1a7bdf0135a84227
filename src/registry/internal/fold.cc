#include "registry/internal/fold.h"

#include <algorithm>
#include <utility>

#include "registry/names.h"

namespace hoego::registry::internal {
namespace {

Status Contradiction(const Record& record, std::string_view why) {
  return Status::DataLoss(
      fmt::format("registry: revision {} of model \"{}\" {}", record.revision, record.model, why));
}

Status CheckFollows(const ModelState* state, const Record& record) {
  if (std::holds_alternative<ModelBirth>(record.what)) {
    if (state != nullptr) {
      return Contradiction(record, "makes the model a second time");
    }
    return CheckModelName(record.model).ok()
               ? Status{}
               : Contradiction(record, "has a name that is not allowed");
  }
  if (state == nullptr) {
    return Contradiction(record, "comes before the model's birth");
  }
  const auto versions = static_cast<uint32_t>(state->versions.size());
  if (const auto* version = std::get_if<ModelVersion>(&record.what)) {
    return version->version == versions + 1
               ? Status{}
               : Contradiction(record, fmt::format("is version {} after {} versions",
                                                   version->version, versions));
  }
  const auto& move = std::get<AliasMove>(record.what);
  const auto current = state->info->aliases.find(move.alias);
  const uint32_t now = current == state->info->aliases.end() ? 0 : current->second;
  if (move.was != now) {
    return Contradiction(record, fmt::format("moves alias {} from {}, but it points to {}",
                                             move.alias, move.was, now));
  }
  return move.version <= versions
             ? Status{}
             : Contradiction(record, fmt::format("moves alias {} to {} of {} versions", move.alias,
                                                 move.version, versions));
}

}  // namespace

Result<bool> Fold::Apply(const Record& record, uint64_t fingerprint) {
  const auto found = models_.find(record.model);
  ModelState* state = found == models_.end() ? nullptr : &found->second;
  const uint64_t count = state == nullptr ? 0 : state->applied.size();
  most_attempts_ = std::max(most_attempts_, record.attempt);
  if (record.revision > count + 1) {
    return Contradiction(record, fmt::format("follows revision {}", count));
  }
  if (record.revision <= count) {
    const ModelState::Applied& there = state->applied[record.revision - 1];
    if (there.fingerprint == fingerprint || record.attempt < there.attempt) {
      return false;
    }
    if (record.revision < count || record.attempt == there.attempt) {
      return Contradiction(record, "differs from the one that was applied");
    }
    ModelState saved = *state;
    Undo(record.model);
    state = record.revision == 1 ? nullptr : state;
    if (Status follows = CheckFollows(state, record); !follows.ok()) {
      models_[record.model] = std::move(saved);
      return follows;
    }
  } else {
    HOEGO_TRY(CheckFollows(state, record));
  }
  if (state == nullptr) {
    state = &models_[record.model];
  }
  Change(state, record);
  state->applied.push_back({fingerprint, record.attempt});
  return true;
}

void Fold::Change(ModelState* state, const Record& record) {
  auto info = state->info == nullptr ? std::make_shared<RegisteredModel>()
                                     : std::make_shared<RegisteredModel>(*state->info);
  info->updated = record.at;
  if (const auto* birth = std::get_if<ModelBirth>(&record.what)) {
    info->name = record.model;
    info->description = birth->description;
    info->tags = birth->tags;
    info->created = record.at;
  } else if (const auto* version = std::get_if<ModelVersion>(&record.what)) {
    info->newest_version = version->version;
    state->versions.push_back(std::make_shared<const ModelVersion>(*version));
  } else {
    const auto& move = std::get<AliasMove>(record.what);
    if (move.version == 0) {
      info->aliases.erase(move.alias);
    } else {
      info->aliases[move.alias] = move.version;
    }
    state->history.push_back(std::make_shared<const AliasMove>(move));
  }
  state->info_before = std::exchange(state->info, std::move(info));
  state->newest_kind = record.what.index();
}

// Takes back the newest record of the model. Only once: a record that replaces another is applied
// at once after it.
void Fold::Undo(const std::string& model) {
  const auto found = models_.find(model);
  ModelState& state = found->second;
  state.applied.pop_back();
  if (state.applied.empty()) {
    models_.erase(found);
    return;
  }
  HOEGO_CHECK(state.info_before != nullptr);
  state.info = std::move(state.info_before);
  if (state.newest_kind == 1) {
    state.versions.pop_back();
  } else {
    state.history.pop_back();
  }
}

const ModelState* Fold::Find(std::string_view model) const {
  const auto found = models_.find(model);
  return found == models_.end() ? nullptr : &found->second;
}

}  // namespace hoego::registry::internal
