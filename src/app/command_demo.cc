// hoego demo: the whole loop, twice, on real MovieLens events with simulated visitors.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

#include "app/commands.h"
#include "app/demo.h"
#include "app/demo_data.h"
#include "app/instance.h"
#include "app/listen_address.h"
#include "app/progress_line.h"
#include "app/signals.h"
#include "app/visitors.h"
#include "base/log.h"
#include "base/text.h"
#include "events/event_log.h"
#include "events/store.h"
#include "loop/loops.h"

namespace hoego::app {
namespace {

constexpr double kHistoryShare = 0.6;
constexpr size_t kBatch = 1000;

// The catalogue first, then every user's history, oldest first; the newest event is made to have happened now.
Status LoadHistory(const DemoData& data, events::EventStore& store, ProgressLine& line) {
  std::vector<events::NewRecord> batch;
  std::vector<std::string> kept;  // what the batch's views point to
  kept.reserve(2 * kBatch);
  const auto keep = [&kept](std::string text) -> std::string_view { return kept.emplace_back(std::move(text)); };
  const auto flush = [&]() -> Status {
    const Status status = batch.empty() ? Status{} : events::AppendAndWait(store.log(), batch).status();
    batch.clear();
    kept.clear();
    return status;
  };
  for (const RealItem& item : data.items) {
    events::ItemChange change;
    change.item = item.id;
    change.categories = item.genres;
    JsonWriter w;
    change.attributes = keep(w.BeginObject().Field("title", item.title).EndObject().Take());
    batch.emplace_back(std::move(change));
    if (batch.size() == kBatch) {
      HOEGO_TRY(flush());
    }
  }
  HOEGO_TRY(flush());
  struct Row {
    const RealUser* user;
    const RealEvent* event;
  };
  std::vector<Row> rows;
  for (const RealUser& user : data.users) {
    for (const RealEvent& event : user.history) {
      rows.push_back({&user, &event});
    }
  }
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) { return a.event->time_ms < b.event->time_ms; });
  const int64_t shift = ToUnixMillis(SystemClock::Instance().Now()) - data.newest_history_ms;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    events::NewEvent event;
    event.id = keep(fmt::format("ml:{}:{}:{}", row.user->id, row.event->item, row.event->time_ms));
    event.time = FromUnixMillis(row.event->time_ms + shift);
    event.type = "watch";
    event.unit = row.user->id;
    event.item = row.event->item;
    event.value = row.event->rating;
    JsonWriter w;
    w.BeginObject().Field("recorded", FormatTime(FromUnixMillis(row.event->time_ms))).EndObject();
    event.properties = keep(w.Take());
    batch.emplace_back(event);
    if (batch.size() == kBatch || i + 1 == rows.size()) {
      HOEGO_TRY(flush());
      line.Count("history into the log", i + 1, rows.size(), "events");
    }
  }
  line.Done();
  return {};
}

// One cycle: the loop runs it; as soon as its test does, this cycle's visitors come.
Status RunCycle(Instance& instance, const DemoData& data, const VisitorOptions& base, uint32_t cycle, ProgressLine& line,
                VisitorReport& report, const std::stop_token& stop) {
  std::vector<Visitor> visitors;
  for (const RealUser& user : data.users) {
    visitors.push_back({user.id, user.hidden[cycle - 1]});
  }
  VisitorOptions options = base;
  options.seed = base.seed + cycle;
  std::stop_source visiting;
  std::jthread crowd;
  const auto watch = instance.loops().Subscribe([&](const loop::Progress& p) {
    line.Step(fmt::format("cycle {} {}", p.cycle, p.step), p.share, p.what);
    if (p.step == "test" && p.share == 0 && !crowd.joinable()) {
      crowd = std::jthread([&] {
        report = RunVisitors(visitors, options, [](double) {}, visiting.get_token());
      });
    }
  });
  HOEGO_TRY_ASSIGN(const uint32_t number, instance.loops().Run("home"));
  const Status status = instance.loops().Wait("home", number, stop);
  if (!status.ok()) {
    visiting.request_stop();
  }
  if (crowd.joinable()) {
    crowd.join();  // those who still visit after the verdict meet whoever answers then
  }
  line.Done();
  return status;
}

void PrintVisits(const VisitorReport& r, uint32_t cycle) {
  if (r.visits > 0) {
    std::fprintf(stderr, "cycle %u: %llu simulated visits, %llu requests (%llu failed), %llu plays, %.1f s, %.0f %% of the CPU\n",
                 cycle, static_cast<unsigned long long>(r.visits), static_cast<unsigned long long>(r.requests),
                 static_cast<unsigned long long>(r.failed), static_cast<unsigned long long>(r.plays), r.seconds, 100 * r.cpu_share);
  }
  if (r.failed > 0) {
    std::fprintf(stderr, "  first failure: %s\n", r.first_error.c_str());
  }
}

Status Demo(const Common& common, const DemoArgs& args, Instance& instance, const std::string& address,
            const VisitorOptions& options, const std::stop_token& stop) {
  HOEGO_TRY_ASSIGN(const DemoData data, ReadDemoData(args.data_file, kHistoryShare));
  size_t events = 0;
  for (const RealUser& user : data.users) {
    events += user.history.size();
  }
  std::fprintf(stderr, "%zu users, %zu films; the first 60 %% of each user's events (%zu) are history, the rest is hidden\n",
               data.users.size(), data.items.size(), events);
  std::fprintf(stderr, "serving at http://%s/ui/\n%s\n", address.c_str(), SimulationNote(options).c_str());
  ProgressLine line;
  HOEGO_TRY(LoadHistory(data, instance.store(), line));
  const DemoBudget budget = BudgetOf(args.budget);
  HOEGO_TRY(instance.loops().Put(budget.loop_file).status());
  uint64_t failed = 0;
  for (uint32_t cycle = 1; cycle <= 2; ++cycle) {
    VisitorReport report;
    HOEGO_TRY(RunCycle(instance, data, options, cycle, line, report, stop));
    PrintVisits(report, cycle);
    failed += report.failed;
    const std::string id = fmt::format("home-{}", cycle);
    HOEGO_TRY_ASSIGN(const std::string text,
                     common.json ? instance.loops().RetrospectiveJson(id)
                                 : instance.loops().RetrospectiveText(id, isatty(STDOUT_FILENO) == 1));
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }
  return failed == 0 ? Status{} : Status::Internal(fmt::format("{} requests of simulated visitors failed", failed));
}

}  // namespace

int RunDemo(const Common& common, const DemoArgs& args) {
  const SignalWaiter signals;
  auto settings = ReadSettings(common);
  if (!settings.ok()) {
    return WrongUse(common, settings.status());
  }
  if (const Status status = CheckListenAddress("--http", args.http); !status.ok()) {
    return status.code() == Code::kFailedPrecondition ? Fail(common, status) : WrongUse(common, status);
  }
  if (std::filesystem::exists(common.data + "/log")) {
    return Fail(common, Status::FailedPrecondition(fmt::format(
                            "{} already holds a log: the demo starts from an empty folder (remove it, or give another --data)",
                            common.data)));
  }
  VisitorOptions visitors;
  visitors.seed = args.seed;
  visitors.window = BudgetOf(args.budget).window;
  InstanceOptions options;
  options.program = common.program;
  options.folder = common.data;
  options.model = "films";
  options.note = SimulationNote(visitors);
  if (!settings->changed("log.level")) {
    static_cast<void>(settings->Set("log.level", "warning").ok());
  }
  auto instance = Instance::Open(options, *settings);
  if (!instance.ok()) {
    return Fail(common, instance.status());
  }
  auto address = (*instance)->Listen(args.http);
  if (!address.ok()) {
    return Fail(common, address.status());
  }
  const auto port = ParseHostPort(*address);
  visitors.host = port.ok() ? port->host : "127.0.0.1";
  visitors.port = port.ok() ? port->port : 0;
  // A signal during the demo ends it in good order; afterwards it ends the server.
  std::stop_source stop;
  std::jthread waiter([&] {
    signals.Wait();
    stop.request_stop();
  });
  const Status status = Demo(common, args, **instance, *address, visitors, stop.get_token());
  int code = kDone;
  if (stop.stop_requested()) {
    std::fprintf(stderr, "stopped\n");
  } else if (!status.ok()) {
    code = Fail(common, status);
  } else if (!args.once) {
    std::printf("ready http=%s grpc=none\n", address->c_str());
    std::fflush(stdout);
    std::fprintf(stderr, "open http://%s/ui/ ; Ctrl-C ends it\n", address->c_str());
    waiter.join();
  }
  if (waiter.joinable()) {
    kill(getpid(), SIGTERM);  // the waiter waits for a signal: this one
    waiter.join();
  }
  (*instance)->Shutdown();
  return code;
}

}  // namespace hoego::app
