#include "abtest/tests.h"

#include <fmt/format.h>

#include <thread>
#include <utility>

#include "abtest/internal/exposure_log.h"
#include "abtest/internal/test_table.h"
#include "base/log.h"
#include "base/mutex.h"

namespace hoego::abtest {
namespace {

using internal::RouteTable;
using internal::TestTable;

constexpr size_t kRecordsALock = 1'024;

}  // namespace

Status TestsOptions::Validate() const {
  if (folder.empty()) {
    return Status::InvalidArgument("tests: folder is empty, expected where the checkpoint lies");
  }
  if (!fixed_route) {
    return Status::InvalidArgument("tests: fixed_route is null, expected a function");
  }
  if (checkpoint_records < 1 || max_pending_exposures < 1) {
    return Status::InvalidArgument(
        "tests: checkpoint_records and max_pending_exposures must be at least 1");
  }
  return {};
}

namespace {

// Folds the definitions of tests (of one, when it is named) from `from` on that outlived their
// segments, and says where the fold goes on: at the first kept record that can matter.
Result<events::Cut> FoldOutlived(events::EventStore& store, events::Cut from,
                                 std::string_view name, TestTable& table) {
  const events::Cut begin = store.log().begin();
  events::Cut first = store.log().end();
  HOEGO_TRY(store.ScanDefinitions(from, [&](const events::Record& record) -> Status {
    if (record.definition.kind != "test" || (!name.empty() && record.definition.name != name)) {
      return {};
    }
    if (record.at < begin) {
      table.Apply(record);
      first = begin;
    }
    first = std::min(first, std::max(record.at, begin));
    return {};
  }));
  return first;
}

}  // namespace

struct Tests::Impl {
  Impl(TestsOptions options_in, events::EventStore& store_in, Disk& disk_in, const Clock& clock_in,
       Metrics& metrics)
      : options(std::move(options_in)),
        store(store_in),
        disk(disk_in),
        clock(clock_in),
        exposures(
            store.log(), options.max_pending_exposures,
            [this](const internal::PendingExposure& e) { return IsWanted(e); }, metrics),
        table([this](std::string_view name) { return store.FindType(name); },
              [this](const Uuid& id) { return store.FindDecision(id) != nullptr; }) {}

  std::string path() const { return JoinPath(options.folder, "tests.checkpoint"); }

  Status Load() {
    HOEGO_TRY(disk.MakeFolder(options.folder));
    MutexLock lock(mu);
    if (disk.Exists(path())) {
      Status status = LoadCheckpoint();
      if (status.ok()) {
        Publish();
        return {};
      }
      Log(LogLevel::kWarning, "abtest",
          "the checkpoint of tests is not used, the log is read again",
          {{"why", status.message()}});
      table = TestTable([this](std::string_view name) { return store.FindType(name); },
                        [this](const Uuid& id) { return store.FindDecision(id) != nullptr; });
    }
    HOEGO_TRY_ASSIGN(folded, FoldOutlived(store, events::Cut{}, "", table));
    Publish();
    return {};
  }

  Status LoadCheckpoint() REQUIRES(mu) {
    HOEGO_TRY_ASSIGN(const std::string bytes, ReadWholeFile(disk, path()));
    HOEGO_TRY_ASSIGN(const events::Cut cut, table.Decode(bytes));
    const events::Cut begin = store.log().begin();
    if (cut > store.log().end()) {
      return Status::FailedPrecondition(fmt::format("it is of {}, the log ends at {}",
                                                    cut.ToString(), store.log().end().ToString()));
    }
    if (cut < begin) {
      // Retention took what came in between; what was counted before it still counts, and so do
      // definitions, which outlive it.
      Log(LogLevel::kWarning, "abtest", "tests lack the events that retention took before a crash",
          {{"from", cut.ToString()}, {"to", begin.ToString()}});
      HOEGO_TRY(FoldOutlived(store, cut, "", table).status());
    }
    folded = std::max(cut, begin);
    return {};
  }

  void Start() {
    consumer = std::jthread([this](const std::stop_token& stop) { Consume(stop); });
    exposures.Start();
  }

  void Close() {
    exposures.Close();
    consumer.request_stop();
    consumer.join();
    Status status = SaveCheckpoint();
    if (!status.ok()) {
      Log(LogLevel::kWarning, "abtest", "the checkpoint of tests was not written",
          {{"why", status.message()}});
    }
  }

  // The fold's thread.
  void Consume(const std::stop_token& stop) {
    events::Cut at;
    {
      MutexLock lock(mu);
      at = folded;
    }
    const std::unique_ptr<events::Cursor> cursor = store.log().Read(at);
    uint64_t since_checkpoint = 0;
    while (!stop.stop_requested()) {
      Result<uint64_t> count = FoldSome(*cursor);
      if (!count.ok()) {
        Log(LogLevel::kError, "abtest", "the log cannot be read on, tests stand still",
            {{"why", count.status().message()}});
        return;
      }
      since_checkpoint += *count;
      if (since_checkpoint >= options.checkpoint_records) {
        since_checkpoint = 0;
        Status status = SaveCheckpoint();
        if (!status.ok()) {
          Log(LogLevel::kWarning, "abtest", "the checkpoint of tests was not written",
              {{"why", status.message()}});
        }
      }
      if (*count == 0) {
        store.log().WaitBeyond(cursor->position(), stop);
      }
    }
  }

  // Folds up to kRecordsALock records; how many.
  Result<uint64_t> FoldSome(events::Cursor& cursor) {
    MutexLock lock(mu);
    uint64_t count = 0;
    bool routes_changed = false;
    while (count < kRecordsALock) {
      Result<const events::Record*> record = cursor.Next();
      if (!record.ok()) {
        broken = record.status();
        moved.NotifyAll();
        return broken;
      }
      if (*record == nullptr) {
        break;
      }
      routes_changed = table.Apply(**record) || routes_changed;
      folded = (*record)->next;
      ++count;
    }
    if (routes_changed) {
      Publish();
    }
    folded = cursor.position();
    moved.NotifyAll();
    return count;
  }

  void Publish() REQUIRES(mu) {
    std::shared_ptr<const RouteTable> made = table.MakeRoutes();
    MutexLock lock(routes_mu);
    routes = std::move(made);
  }

  // False when the log has the exposure already: from before a restart, or by an SDK.
  bool IsWanted(const internal::PendingExposure& e) {
    const std::optional<events::UnitKey> key = store.FindUnit(e.unit);
    MutexLock lock(mu);
    const TestTable::Entry* entry = table.Find(e.test);
    const bool running = entry != nullptr && entry->definition.state == TestState::kRunning;
    return running && !(key && entry->fold->IsExposed(*key));
  }

  Status SaveCheckpoint() {
    std::string bytes;
    {
      MutexLock lock(mu);
      bytes = table.Encode(folded);
    }
    return WriteFileAtomically(disk, path(), bytes).Within("checkpoint of tests");
  }

  Status CatchUp() {
    exposures.WaitWritten();
    MutexLock lock(mu);
    const events::Cut end = store.log().end();
    while (folded < end && broken.ok()) {
      moved.Wait(mu);
    }
    return broken;
  }

  // Appends the definition and waits until it is folded.
  Result<TestDefinition> Write(TestDefinition definition, std::string_view reason)
      REQUIRES(change_mu) {
    definition.reason = reason;
    definition.changed = clock.Now();
    const std::string json = DefinitionJson(definition);
    const events::NewRecord record = events::Definition{"test", definition.plan.name, json};
    HOEGO_TRY_ASSIGN(const events::AppendResult result,
                     events::AppendAndWait(store.log(), std::span(&record, 1)));
    (void)result;
    HOEGO_TRY(CatchUp());
    return definition;
  }

  Result<TestDefinition> Get(std::string_view name) const {
    MutexLock lock(mu);
    const TestTable::Entry* entry = table.Find(name);
    if (entry == nullptr) {
      return Status::NotFound(fmt::format("no test \"{}\"", name));
    }
    return entry->definition;
  }

  Result<TestDefinition> Move(std::string_view name, TestState to, std::string_view reason)
      REQUIRES(change_mu) {
    HOEGO_TRY(CatchUp());
    HOEGO_TRY_ASSIGN(TestDefinition definition, Get(name));
    if (!CanMove(definition.state, to)) {
      return Status::FailedPrecondition(fmt::format("test \"{}\" is {}, it cannot become {}", name,
                                                    StateName(definition.state), StateName(to)));
    }
    if (to == TestState::kRunning) {
      HOEGO_TRY(PrepareStart(definition));
    }
    definition.state = to;
    return Write(std::move(definition), reason);
  }

  Status PrepareStart(TestDefinition& definition) REQUIRES(change_mu) {
    {
      MutexLock lock(mu);
      const std::string other = table.running_at(definition.plan.endpoint);
      if (!other.empty()) {
        return Status::FailedPrecondition(fmt::format("test \"{}\" already runs at endpoint \"{}\"",
                                                      other, definition.plan.endpoint));
      }
    }
    for (serving::Arm& arm : definition.plan.arms) {
      if (options.pin) {
        Result<std::string> pinned = options.pin(arm.model_ref);
        if (!pinned.ok()) {
          return pinned.status().Within(fmt::format("arm \"{}\"", arm.name));
        }
        arm.model_ref = *std::move(pinned);
      }
    }
    return {};
  }

  Result<TestDefinition> End(std::string_view name, TestState to, std::string_view reason) {
    MutexLock lock(change_mu);
    HOEGO_TRY(CatchUp());
    HOEGO_TRY_ASSIGN(const TestDefinition definition, Get(name));
    if (definition.state == TestState::kRunning) {
      HOEGO_TRY_ASSIGN(const TestDefinition stopped, Move(name, TestState::kStopped, reason));
      (void)stopped;
    }
    return Move(name, to, reason);
  }

  const TestsOptions options;
  events::EventStore& store;
  Disk& disk;
  const Clock& clock;
  internal::ExposureLog exposures;

  Mutex change_mu;  // one change of tests at a time; taken before mu

  mutable Mutex mu;
  CondVar moved;
  TestTable table GUARDED_BY(mu);
  events::Cut folded GUARDED_BY(mu);
  Status broken GUARDED_BY(mu);  // why the log cannot be read on

  mutable Mutex routes_mu;  // taken after mu
  std::shared_ptr<const RouteTable> routes GUARDED_BY(routes_mu);

  std::jthread consumer;
};

Tests::Tests(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Tests::~Tests() {
  impl_->Close();
}

Result<std::unique_ptr<Tests>> Tests::Open(TestsOptions options, events::EventStore& store,
                                           Disk& disk, const Clock& clock, Metrics& metrics) {
  HOEGO_TRY(options.Validate());
  auto impl = std::make_unique<Impl>(std::move(options), store, disk, clock, metrics);
  HOEGO_TRY(impl->Load());
  impl->Start();
  std::unique_ptr<Tests> tests(new Tests(std::move(impl)));
  HOEGO_TRY(tests->CatchUp());
  return tests;
}

serving::RouteChoice Tests::Choose(std::string_view endpoint, std::string_view unit) const {
  std::shared_ptr<const RouteTable> table;
  {
    MutexLock lock(impl_->routes_mu);
    table = impl_->routes;
  }
  const FixedRoute fixed = impl_->options.fixed_route(endpoint);
  serving::RouteChoice choice;
  choice.model_ref = fixed.model_ref;
  choice.revision = fixed.revision;
  const auto found = table->endpoints.find(endpoint);
  if (found == table->endpoints.end()) {
    return choice;
  }
  const RouteTable::Route& route = found->second;
  const int arm = route.assignment.Choose(unit);
  if (arm < 0) {
    return choice;
  }
  const auto index = static_cast<size_t>(arm);
  choice.test = route.test;
  choice.arm = route.arms[index].name;
  choice.model_ref = route.arms[index].model_ref;
  choice.probability = route.probabilities[index];
  return choice;
}

void Tests::Exposed(std::string_view, const serving::RouteChoice& choice, std::string_view unit,
                    Time when) {
  if (!choice.test.empty()) {
    impl_->exposures.Take(choice.test, choice.arm, unit, when);
  }
}

Result<TestDefinition> Tests::Create(const TestPlan& plan) {
  MutexLock lock(impl_->change_mu);
  HOEGO_TRY(impl_->CatchUp());
  if (impl_->Get(plan.name).ok()) {
    return Status::AlreadyExists(
        fmt::format("test \"{}\" exists; a test's plan is never changed", plan.name));
  }
  TestDefinition definition;
  HOEGO_TRY_ASSIGN(definition.plan,
                   ParsePlan(PlanJson(plan)));  // the same checks for a plan made in code
  return impl_->Write(std::move(definition), "planned");
}

Result<TestDefinition> Tests::Start(std::string_view name) {
  MutexLock lock(impl_->change_mu);
  return impl_->Move(name, TestState::kRunning, "started");
}

Result<TestDefinition> Tests::Stop(std::string_view name, std::string_view reason) {
  MutexLock lock(impl_->change_mu);
  return impl_->Move(name, TestState::kStopped, reason);
}

Result<TestDefinition> Tests::Ship(std::string_view name, std::string_view reason) {
  return impl_->End(name, TestState::kShipped, reason);
}

Result<TestDefinition> Tests::RollBack(std::string_view name, std::string_view reason) {
  return impl_->End(name, TestState::kRolledBack, reason);
}

Result<TestDefinition> Tests::Get(std::string_view name) const {
  return impl_->Get(name);
}

std::vector<TestDefinition> Tests::List() const {
  MutexLock lock(impl_->mu);
  std::vector<TestDefinition> all;
  for (const auto& [name, entry] : impl_->table.entries()) {
    all.push_back(entry.definition);
  }
  return all;
}

Result<VerdictReport> Tests::ComputeVerdict(std::string_view name) {
  HOEGO_TRY(impl_->CatchUp());
  MutexLock lock(impl_->mu);
  const TestTable::Entry* entry = impl_->table.Find(name);
  if (entry == nullptr) {
    return Status::NotFound(fmt::format("no test \"{}\"", name));
  }
  return internal::ReportOf(*entry, impl_->folded);
}

Result<VerdictReport> Tests::RecomputeAt(std::string_view name, events::Cut cut) const {
  events::EventStore& store = impl_->store;
  if (cut > store.log().end()) {
    return Status::OutOfRange(fmt::format("cut {} lies beyond the log's end {}", cut.ToString(),
                                          store.log().end().ToString()));
  }
  TestTable table([&](std::string_view type) { return store.FindType(type); }, nullptr);
  HOEGO_TRY_ASSIGN(const events::Cut first, FoldOutlived(store, events::Cut{}, name, table));
  const std::unique_ptr<events::Cursor> cursor = store.log().Read(first);
  while (cursor->position() < cut) {
    HOEGO_TRY_ASSIGN(const events::Record* record, cursor->Next());
    if (record == nullptr || record->next > cut) {
      break;
    }
    const bool other =
        record->kind == events::RecordKind::kDefinition && record->definition.name != name;
    if (!other) {
      table.Apply(*record);
    }
  }
  const TestTable::Entry* entry = table.Find(name);
  if (entry == nullptr) {
    return Status::OutOfRange(
        fmt::format("the log from {} to {} does not hold the plan of test \"{}\"",
                    store.log().begin().ToString(), cut.ToString(), name));
  }
  return internal::ReportOf(*entry, cut);
}

Status Tests::CatchUp() {
  return impl_->CatchUp();
}

Status Tests::Checkpoint() {
  return impl_->SaveCheckpoint();
}

}  // namespace hoego::abtest
