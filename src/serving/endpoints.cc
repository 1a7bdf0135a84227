#include "serving/endpoints.h"

#include <optional>
#include <utility>

#include "base/json.h"
#include "base/text.h"

namespace hoego::serving {
namespace {

constexpr std::string_view kKind = "endpoint";
constexpr std::string_view kRouteKind = "route";
constexpr int64_t kFormat = 1;
constexpr size_t kMaxEndpoints = 10'000;  // names that were ever used: their revisions are kept

// docs/formats/definitions.md, "endpoint" and "route".
std::string LoggedDefinition(uint64_t revision, std::string_view definition) {
  JsonWriter w;
  w.BeginObject()
      .Field("format", kFormat)
      .Field("revision", revision)
      .Key("definition")
      .Raw(definition)
      .EndObject();
  return w.Take();
}

std::string LoggedRemoval(uint64_t revision) {
  JsonWriter w;
  w.BeginObject()
      .Field("format", kFormat)
      .Field("revision", revision)
      .Field("removed", true)
      .EndObject();
  return w.Take();
}

std::string LoggedRoute(uint64_t revision, std::string_view reason) {
  JsonWriter w;
  w.BeginObject()
      .Field("format", kFormat)
      .Field("revision", revision)
      .Field("reason", reason)
      .EndObject();
  return w.Take();
}

Status ReadSources(Endpoint& endpoint) {
  HOEGO_TRY_ASSIGN(Source first, Source::Parse(endpoint.definition.model));
  endpoint.sources.push_back(std::move(first));
  for (const std::string& text : endpoint.definition.fallback) {
    HOEGO_TRY_ASSIGN(Source next, Source::Parse(text));
    endpoint.sources.push_back(std::move(next));
  }
  return {};
}

Status UnknownEndpoint(std::string_view name, const std::vector<std::string>& known) {
  const auto nearest = NearestName(name, known);
  return Status::NotFound(
      fmt::format("no endpoint \"{}\"{}", name,
                  nearest ? fmt::format(", did you mean \"{}\"?", *nearest) : std::string()));
}

}  // namespace

Endpoints::Endpoints(registry::Journal& journal, const registry::Registry& registry)
    : journal_(journal), registry_(registry), table_(std::make_shared<const Table>()) {}

Status Endpoints::Apply(std::string_view kind, std::string_view name, std::string_view json) {
  if (kind != kKind && kind != kRouteKind) {
    return {};
  }
  const std::string what = fmt::format("{} \"{}\"", kind, name);
  JsonParser parser;
  const auto parsed = parser.Parse(json);
  if (!parsed.ok()) {
    return Status::DataLoss(fmt::format("{}: {}", what, parsed.status().message()));
  }
  const auto format = parsed->IntOr("format", kFormat);
  if (!format.ok() || *format > kFormat) {
    return Status::FailedPrecondition(
        fmt::format("{}: format {}, newest known is {}", what, format.value_or(0), kFormat));
  }
  const auto revision = parsed->RequireInt("revision");
  if (!revision.ok() || *revision < 1) {
    return Status::DataLoss(fmt::format("{}: expected a revision above 0", what));
  }
  const auto number = static_cast<uint64_t>(*revision);
  MutexLock lock(write_mu_);
  if (number < NextRevision(name)) {
    return Status::DataLoss(
        fmt::format("{}: revision {} after {}", what, number, NextRevision(name) - 1));
  }
  std::shared_ptr<Endpoint> next;
  if (kind == kRouteKind) {
    if (const auto now = Find(name)) {
      next = std::make_shared<Endpoint>(*now);
    }
  } else if (const auto definition = parsed->Find("definition")) {
    next = std::make_shared<Endpoint>();
    next->name = name;
    next->json = definition->ToText();
    auto read = EndpointDefinition::Parse(next->json, false);
    if (!read.ok()) {
      return Status::FailedPrecondition(fmt::format("{}: {}", what, read.status().message()));
    }
    next->definition = std::move(*read);
    HOEGO_TRY(ReadSources(*next).Within(what));
  }
  if (next != nullptr) {
    next->revision = number;
  }
  Publish(name, std::move(next), number);
  return {};
}

Status Endpoints::CheckModel(const Source& source) const {
  if (source.popular || registry_.GetModel(source.ref.model).ok()) {
    return {};
  }
  std::vector<std::string> known{std::string(kPopular)};
  for (const registry::RegisteredModel& model : registry_.ListModels()) {
    known.push_back(model.name);
  }
  const auto nearest = NearestName(source.ref.model, known);
  return Status::InvalidArgument(
      fmt::format("endpoint: \"{}\": no registered model \"{}\"{}", source.text, source.ref.model,
                  nearest ? fmt::format(", did you mean \"{}\"?", *nearest) : std::string()));
}

Result<Endpoint> Endpoints::Check(std::string_view name, std::string_view json) const {
  HOEGO_TRY(CheckEndpointName(name));
  if (registry_.GetModel(name).ok()) {
    return Status::AlreadyExists(
        fmt::format("\"{}\" is a registered model: an endpoint needs another name", name));
  }
  Endpoint endpoint;
  endpoint.name = name;
  HOEGO_TRY_ASSIGN(endpoint.definition, EndpointDefinition::Parse(json, true));
  HOEGO_TRY(ReadSources(endpoint));
  for (const Source& source : endpoint.sources) {
    HOEGO_TRY(CheckModel(source));
  }
  endpoint.json = endpoint.definition.ToJson();
  return endpoint;
}

Result<uint64_t> Endpoints::Put(std::string_view name, std::string_view json) {
  HOEGO_TRY_ASSIGN(Endpoint checked, Check(name, json));
  uint64_t revision = 0;
  {
    MutexLock lock(write_mu_);
    const auto now = Find(name);
    if (now != nullptr && now->json == checked.json) {
      return now->revision;
    }
    if (!revisions_.contains(name) && revisions_.size() >= kMaxEndpoints) {
      return Status::ResourceExhausted(
          fmt::format("{} endpoint names were used: no more can be made", kMaxEndpoints));
    }
    revision = NextRevision(name);
    HOEGO_TRY(Write(kKind, name, revision, LoggedDefinition(revision, checked.json)));
    checked.revision = revision;
    Publish(name, std::make_shared<const Endpoint>(std::move(checked)), revision);
  }
  if (changed_) {
    changed_();
  }
  return revision;
}

Status Endpoints::Remove(std::string_view name) {
  {
    MutexLock lock(write_mu_);
    HOEGO_TRY(Get(name).status());
    const uint64_t revision = NextRevision(name);
    HOEGO_TRY(Write(kKind, name, revision, LoggedRemoval(revision)));
    Publish(name, nullptr, revision);
  }
  if (changed_) {
    changed_();
  }
  return {};
}

Result<uint64_t> Endpoints::NewRevision(std::string_view name, std::string_view reason) {
  MutexLock lock(write_mu_);
  HOEGO_TRY_ASSIGN(const auto now, Get(name));
  const uint64_t revision = NextRevision(name);
  HOEGO_TRY(Write(kRouteKind, name, revision, LoggedRoute(revision, reason)));
  auto next = std::make_shared<Endpoint>(*now);
  next->revision = revision;
  Publish(name, std::move(next), revision);
  return revision;
}

Status Endpoints::Write(std::string_view kind, std::string_view name, uint64_t revision,
                        std::string_view json) {
  // A record whose append failed may be in the log all the same, and is found there by the next
  // start: so its number is used up, and whatever comes later has a higher one.
  revisions_.insert_or_assign(std::string(name), revision);
  return journal_.Append(kind, name, json);
}

uint64_t Endpoints::NextRevision(std::string_view name) {
  const auto found = revisions_.find(name);
  return found == revisions_.end() ? 1 : found->second + 1;
}

void Endpoints::Publish(std::string_view name, std::shared_ptr<const Endpoint> endpoint,
                        uint64_t revision) {
  revisions_.insert_or_assign(std::string(name), revision);
  auto next = std::make_shared<Table>(*table_.get());
  if (endpoint == nullptr) {
    next->erase(std::string(name));
  } else {
    next->insert_or_assign(std::string(name), std::move(endpoint));
  }
  table_.Publish(std::move(next));
}

std::shared_ptr<const Endpoint> Endpoints::Find(std::string_view name) const {
  const auto table = table_.get();
  const auto found = table->find(name);
  return found == table->end() ? nullptr : found->second;
}

Result<std::shared_ptr<const Endpoint>> Endpoints::Get(std::string_view name) const {
  if (auto endpoint = Find(name)) {
    return endpoint;
  }
  std::vector<std::string> known;
  for (const auto& [other, endpoint] : *table_.get()) {
    known.push_back(other);
  }
  return UnknownEndpoint(name, known);
}

std::vector<std::shared_ptr<const Endpoint>> Endpoints::List() const {
  std::vector<std::shared_ptr<const Endpoint>> out;
  for (const auto& [name, endpoint] : *table_.get()) {
    out.push_back(endpoint);
  }
  return out;
}

}  // namespace hoego::serving
