#include "app/instance.h"

#include "abtest/tests.h"
#include "api/http/server.h"
#include "api/native/native.h"
#include "app/blob_fetcher.h"
#include "app/killed_trainings.h"
#include "app/listen_address.h"
#include "app/log_journal.h"
#include "app/server_settings.h"
#include "app/version.h"
#include "base/disk.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "events/store.h"
#include "kernels/simd.h"
#include "loop/loops.h"
#include "loop/steps.h"
#include "loop/test_control.h"
#include "models/model.h"
#include "registry/registry.h"
#include "serving/decision_log.h"
#include "serving/deployment.h"
#include "serving/endpoints.h"
#include "serving/model_store.h"
#include "serving/popularity.h"
#include "serving/serving.h"
#include "storage/blob_store.h"
#include "storage/database.h"
#include "tracking/tracking.h"

namespace hoego::app {

// Members in the order they are made; destroyed the other way round.
struct Instance::Parts {
  const Clock& clock = SystemClock::Instance();
  Metrics& metrics = Metrics::Global();
  Settings settings;
  InstanceOptions options;
  std::atomic<bool> ready{false};
  FolderLock lock;
  std::unique_ptr<events::EventStore> store;
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<storage::BlobStore> blobs;
  std::unique_ptr<tracking::Tracking> tracking;
  tracking::RunWatch watch;
  std::unique_ptr<LogJournal> journal;
  std::unique_ptr<registry::Registry> registry;
  std::unique_ptr<serving::Endpoints> endpoints;
  // Only with options.serving:
  std::unique_ptr<abtest::Tests> tests;
  std::unique_ptr<BlobFetcher> fetcher;
  std::unique_ptr<serving::ModelStore> models;
  std::unique_ptr<serving::Popularity> popular;
  std::unique_ptr<serving::DecisionLog> decisions;
  std::unique_ptr<serving::Serving> serving;
  std::unique_ptr<serving::Deployment> deployment;
  std::unique_ptr<loop::TestControl> control;
  std::unique_ptr<loop::Steps> steps;
  std::unique_ptr<loop::Loops> loops;
  std::unique_ptr<native::Context> context;
  std::unique_ptr<ThreadPool> workers;  // ends before what its tasks use
  std::unique_ptr<http::Server> server;

  Parts(Settings s, InstanceOptions o, FolderLock l) : settings(std::move(s)), options(std::move(o)), lock(std::move(l)) {}

  std::string Folder(std::string_view name) const { return JoinPath(options.folder, name); }
};

namespace {

constexpr size_t kWorkers = 8;  // they wait on the disk, not on a core

Result<std::unique_ptr<events::EventStore>> OpenStore(const std::string& folder, const Settings& s, const Clock& clock,
                                                      Metrics& metrics) {
  events::StoreOptions o;
  o.folder = folder;
  o.segment_bytes = static_cast<uint64_t>(s.Int("events.segment_bytes"));
  o.retain_bytes = static_cast<uint64_t>(s.Int("events.retain_bytes"));
  o.retain_age = std::chrono::duration_cast<std::chrono::hours>(std::chrono::milliseconds(s.Int("events.retain_age")));
  o.dedup_ids = static_cast<uint64_t>(s.Int("events.dedup_ids"));
  o.dedup_age = std::chrono::duration_cast<std::chrono::hours>(std::chrono::milliseconds(s.Int("events.dedup_age")));
  o.history_cache_bytes = static_cast<uint64_t>(s.Int("events.history_cache_bytes"));
  HOEGO_TRY_ASSIGN(auto store, events::EventStore::Open(o, RealDisk(), clock, metrics));
  store->types().SetUnknownTypes(s.String("events.unknown_types") == "refuse");
  return store;
}

void ApplyProcessSettings(const Settings& s) {
  const std::string& level = s.String("log.level");
  SetLogLevel(level == "debug"     ? LogLevel::kDebug
              : level == "warning" ? LogLevel::kWarning
              : level == "error"   ? LogLevel::kError
                                   : LogLevel::kInfo);
  if (s.String("log.form") != "auto") {
    SetLogJson(s.String("log.form") == "json");
  }
}

std::vector<std::string> CommaList(const std::string& text) {
  std::vector<std::string> list;
  for (const auto part : Split(text, ',')) {
    if (!Trim(part).empty()) {
      list.emplace_back(Trim(part));
    }
  }
  return list;
}

}  // namespace

Instance::Instance(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Instance::~Instance() { Shutdown(); }

namespace {

// One definition of the log to the room that owns its kind; kinds of other rooms are theirs (tests and event types fold the
// log themselves), unknown ones come from a newer version and are left alone.
Status FoldOne(const events::Record& record, registry::Registry& registry, serving::Endpoints& endpoints, loop::Loops* loops) {
  const events::DefinitionView& d = record.definition;
  if (d.kind == "model" || d.kind == "version" || d.kind == "alias") {
    return registry.Apply(d.kind, d.name, d.json, record.received);
  }
  if (d.kind == "endpoint" || d.kind == "route") {
    return endpoints.Apply(d.kind, d.name, d.json);
  }
  if (loops != nullptr && (d.kind == "loop" || d.kind == "cycle")) {
    return loops->Apply(d.kind, d.name, d.json, record.received);
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Instance>> Instance::Open(const InstanceOptions& options, const Settings& settings) {
  ApplyProcessSettings(settings);
  HOEGO_TRY(RealDisk().MakeFolder(options.folder));
  HOEGO_TRY_ASSIGN(FolderLock lock, FolderLock::Take(options.folder));
  auto p = std::make_unique<Parts>(settings, options, std::move(lock));
  HOEGO_TRY_ASSIGN(p->store, OpenStore(p->Folder("log"), p->settings, p->clock, p->metrics));
  HOEGO_TRY_ASSIGN(p->database, storage::OpenSqlite(p->Folder("meta.db")));
  HOEGO_TRY_ASSIGN(p->blobs, storage::OpenLocalBlobStore(RealDisk(), p->Folder("blobs")));
  HOEGO_TRY_ASSIGN(p->tracking, tracking::Tracking::Open(*p->database, *p->blobs, p->clock));
  // A folder that cannot be tidied still serves; the next opening tries again.
  if (const Status tidied = EndKilledTrainings(options.folder, *p->tracking); !tidied.ok()) {
    Log(LogLevel::kWarning, "app", "what a killed training left behind is still there", {{"reason", tidied.ToString()}});
  }
  p->journal = std::make_unique<LogJournal>(p->store->log());
  p->registry = registry::Registry::Make(*p->journal, p->clock);
  p->endpoints = std::make_unique<serving::Endpoints>(*p->journal, *p->registry);
  p->registry->SetTaken([e = p->endpoints.get()](std::string_view name) -> std::string {
    return name == serving::kPopular ? "the built-in model" : e->Find(name) != nullptr ? "an endpoint" : "";
  });
  if (options.serving) {
    abtest::TestsOptions tests;
    tests.folder = p->Folder("tests");
    HOEGO_TRY(RealDisk().MakeFolder(tests.folder));
    HOEGO_TRY(RealDisk().MakeFolder(p->Folder("models")));
    HOEGO_TRY(RealDisk().MakeFolder(p->Folder("work")));
    tests.fixed_route = [e = p->endpoints.get()](std::string_view name) {
      const auto endpoint = e->Find(name);
      return endpoint ? abtest::FixedRoute{endpoint->definition.model, endpoint->revision} : abtest::FixedRoute{};
    };
    tests.pin = [r = p->registry.get()](std::string_view text) -> Result<std::string> {
      HOEGO_TRY_ASSIGN(const registry::ModelRef ref, registry::ModelRef::Parse(text));
      HOEGO_TRY_ASSIGN(const registry::ModelVersion version, r->Resolve(ref));
      return fmt::format("{}/{}", version.model, version.version);
    };
    HOEGO_TRY_ASSIGN(p->tests, abtest::Tests::Open(tests, *p->store, RealDisk(), p->clock, p->metrics));
    p->fetcher = std::make_unique<BlobFetcher>(*p->blobs, p->Folder("models"));
    serving::ModelStoreOptions models;
    models.max_loaded = static_cast<size_t>(p->settings.Int("serving.max_loaded"));
    p->models = std::make_unique<serving::ModelStore>(*p->fetcher, models::LoadModel, *p->store, p->clock, p->metrics, models);
    p->popular = std::make_unique<serving::Popularity>(p->store->log(), p->clock, p->metrics, serving::Popularity::Options{});
    serving::DecisionLogOptions decisions;
    decisions.max_queued = static_cast<size_t>(p->settings.Int("serving.max_queued_decisions"));
    p->decisions = std::make_unique<serving::DecisionLog>(p->store->log(), p->tests.get(), p->metrics, decisions);
    p->serving = std::make_unique<serving::Serving>(serving::ServingParts{*p->store, *p->registry, *p->endpoints, *p->models,
                                                                          *p->popular, *p->decisions, p->tests.get(), p->clock,
                                                                          p->metrics});
    p->deployment = std::make_unique<serving::Deployment>(*p->registry, *p->endpoints, *p->serving);
    p->control =
        std::make_unique<loop::TestControl>(*p->tests, *p->registry, *p->endpoints, *p->serving, *p->deployment);
    loop::StepParts steps{*p->store, *p->blobs, *p->tracking, p->watch, *p->registry, *p->endpoints, *p->deployment, *p->tests,
                          *p->control, p->clock, options.program, p->Folder("work"), kVersion, 0, 0, 10, 0, options.model, options.note};
    steps.training_threads = static_cast<uint32_t>(p->settings.Int("training.threads"));
    steps.training_memory = static_cast<uint64_t>(p->settings.Int("training.memory_bytes"));
    steps.training_nice = static_cast<int>(p->settings.Int("training.nice"));
    steps.training_timeout_ms = p->settings.Int("training.timeout");
    p->steps = loop::MakeSteps(std::move(steps));
    p->loops = loop::Loops::Make(*p->steps, *p->journal, p->clock, p->metrics);
  }
  // From the very beginning: definitions outlive the segments that retention removes.
  HOEGO_TRY(p->store->ScanDefinitions(events::Cut{}, [&p](const events::Record& record) {
    return FoldOne(record, *p->registry, *p->endpoints, p->loops.get());
  }));
  if (options.serving) {
    p->registry->OnChange([s = p->serving.get()](std::string_view) { s->RefreshReferences(); });
    p->serving->RefreshReferences();
    p->control->RefreshArms();
  }
  return std::unique_ptr<Instance>(new Instance(std::move(p)));
}

Result<std::string> Instance::Listen(const std::string& address) {
  Parts& p = *parts_;
  HOEGO_TRY_ASSIGN(const HostPort at, ParseHostPort(address));
  p.workers = std::make_unique<ThreadPool>(kWorkers);
  p.context = std::make_unique<native::Context>(native::Context{*p.store, *p.journal, *p.registry, *p.endpoints, *p.models,
                                                                *p.serving, *p.deployment, *p.tests, *p.control, *p.tracking, p.watch, *p.loops,
                                                                p.settings, p.metrics, p.clock, *p.workers, p.ready, kVersion});
  http::Router router;
  native::AddNativeRoutes(router, *p.context);
  http::ServerOptions options;
  options.address = at.host;
  options.port = at.port;
  options.threads = static_cast<int>(p.settings.Int("http.threads"));
  options.max_connections = static_cast<int>(p.settings.Int("http.max_connections"));
  options.max_body_bytes = static_cast<size_t>(p.settings.Int("http.max_body_bytes"));
  options.allowed_hosts = CommaList(p.settings.String("http.allowed_hosts"));
  options.allowed_origins = CommaList(p.settings.String("http.allowed_origins"));
  HOEGO_TRY_ASSIGN(p.server, http::Server::Start(options, router, p.metrics));
  p.deployment->LoadEndpoints();
  p.loops->Start();
  p.ready = true;
  return UrlAddress(fmt::format("{}:{}", p.server->address(), p.server->port()));
}

void Instance::Shutdown() {
  if (!parts_) {
    return;
  }
  Parts& p = *parts_;
  p.ready = false;
  if (p.server) {
    p.server->Drain(std::chrono::milliseconds(p.settings.Int("shutdown.drain")));
  }
  if (p.loops) {
    p.loops->Stop();
  }
  if (p.decisions) {
    p.decisions->Flush();
  }
  parts_.reset();
}

events::EventStore& Instance::store() { return *parts_->store; }
storage::BlobStore& Instance::blobs() { return *parts_->blobs; }
storage::Database& Instance::database() { return *parts_->database; }
tracking::Tracking& Instance::tracking() { return *parts_->tracking; }
registry::Registry& Instance::registry() { return *parts_->registry; }
serving::Endpoints& Instance::endpoints() { return *parts_->endpoints; }
abtest::Tests& Instance::tests() { return *parts_->tests; }
loop::Loops& Instance::loops() { return *parts_->loops; }

Result<Settings> ReadSettings(const Common& common) {
  Settings settings(ServerSettings());
  if (!common.config.empty()) {
    HOEGO_TRY(settings.SetFile(common.config));
  }
  for (const std::string& assignment : common.set) {
    HOEGO_TRY(settings.SetAssignment(assignment));
  }
  return settings;
}

Result<HostPort> ParseHostPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  const auto port = colon == std::string_view::npos ? std::nullopt : ParseInt(text.substr(colon + 1));
  if (!port || *port < 0 || *port > 65535 || colon == 0) {
    return Status::InvalidArgument(fmt::format("address \"{}\": expected ADDRESS:PORT such as 127.0.0.1:7070", text));
  }
  std::string host(text.substr(0, colon));
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  }
  return HostPort{host, static_cast<uint16_t>(*port)};
}

}  // namespace hoego::app
