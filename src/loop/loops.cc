#include "loop/loops.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "base/log.h"
#include "base/mutex.h"
#include "base/text.h"
#include "loop/retrospective.h"

namespace hoego::loop {
namespace {

// One loop and everything it has done.
struct Entry {
  LoopFile file;
  std::map<uint32_t, CycleState> cycles;
  bool running = false;
  std::string step;
  double share = 0;
  std::string what;
  std::jthread worker;
};

class LoopsImpl final : public Loops {
 public:
  LoopsImpl(Steps& steps, registry::Journal& journal, const Clock& clock, Metrics& metrics)
      : steps_(steps),
        journal_(journal),
        clock_(clock),
        finished_(metrics.counter("hoego_cycles_finished_total", "Cycles that closed with a retrospective.")),
        failed_(metrics.counter("hoego_cycle_step_failures_total", "Steps of cycles that failed.")) {}

  ~LoopsImpl() override { Stop(); }

  Status Apply(std::string_view kind, std::string_view name, std::string_view json, Time when) override {
    JsonParser parser;
    HOEGO_TRY_ASSIGN(const JsonRef record, parser.Parse(json));
    MutexLock lock(mu_);
    if (kind == "loop") {
      HOEGO_TRY_ASSIGN(const std::string text, record.RequireString("file"));
      HOEGO_TRY_ASSIGN(LoopFile file, ParseLoopFile(text));
      Find(name).file = std::move(file);
      return {};
    }
    HOEGO_TRY_ASSIGN(const int64_t number, record.RequireInt("cycle"));
    CycleState& cycle = Find(name).cycles[static_cast<uint32_t>(number)];
    cycle.cycle = static_cast<uint32_t>(number);
    return ApplyToCycle(cycle, record, when);
  }

  void Start() override {
    MutexLock lock(mu_);
    started_ = true;
    for (auto& [name, entry] : loops_) {
      if (!entry->cycles.empty() && !entry->cycles.rbegin()->second.done() && !entry->cycles.rbegin()->second.stopped) {
        Log(LogLevel::kInfo, "loop", "going on with an interrupted cycle",
            {{"loop", name}, {"cycle", entry->cycles.rbegin()->first}});
        Launch(name, *entry, entry->cycles.rbegin()->first);
      }
    }
  }

  void Stop() override {
    std::vector<std::jthread> workers;
    {
      MutexLock lock(mu_);
      started_ = false;
      for (auto& [name, entry] : loops_) {
        entry->worker.request_stop();
        workers.push_back(std::move(entry->worker));
      }
    }
    workers.clear();  // joins, without the lock that the threads need to finish
  }

  Result<LoopFile> Put(std::string_view yaml) override {
    HOEGO_TRY_ASSIGN(LoopFile file, ParseLoopFile(yaml));
    MutexLock writing(put_mu_);
    {
      MutexLock lock(mu_);
      if (const auto at = loops_.find(file.name); at != loops_.end() && at->second->running) {
        return Status::FailedPrecondition(fmt::format("loop \"{}\" runs a cycle: change its file between cycles", file.name));
      }
    }
    JsonWriter w;
    w.BeginObject().Field("file", file.text).EndObject();
    HOEGO_TRY(journal_.Append("loop", file.name, w.text()));
    MutexLock lock(mu_);
    Find(file.name).file = file;
    return file;
  }

  Result<uint32_t> Run(std::string_view name) override {
    MutexLock lock(mu_);
    const auto at = loops_.find(name);
    if (at == loops_.end()) {
      std::vector<std::string> known;
      for (const auto& [n, entry] : loops_) {
        known.push_back(n);
      }
      const auto near = NearestName(name, known);
      return Status::NotFound(fmt::format("no loop \"{}\"{}", name, near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
    }
    Entry& entry = *at->second;
    if (entry.running || !started_) {
      return Status::FailedPrecondition(fmt::format("loop \"{}\" {}", name, started_ ? "already runs a cycle" : "is stopping"));
    }
    uint32_t number = entry.cycles.empty() ? 1 : entry.cycles.rbegin()->first;
    if (!entry.cycles.empty() && entry.cycles.rbegin()->second.done()) {
      ++number;
    }
    CycleState& cycle = entry.cycles[number];
    cycle.cycle = number;
    cycle.failures = 0;  // asked for by a person: counted anew
    cycle.stopped = false;
    Launch(at->first, entry, number);
    return number;
  }

  Status Wait(std::string_view name, uint32_t cycle, const std::stop_token& stop) override {
    const std::stop_callback wake(stop, [this] {
      MutexLock lock(mu_);
      changed_.NotifyAll();
    });
    MutexLock lock(mu_);
    while (true) {
      const auto at = loops_.find(name);
      if (at == loops_.end() || !at->second->cycles.contains(cycle)) {
        return Status::NotFound(fmt::format("no cycle {} of loop \"{}\"", cycle, name));
      }
      const CycleState& state = at->second->cycles.at(cycle);
      if (state.done()) {
        return {};
      }
      if (!at->second->running) {
        return Status::FailedPrecondition(fmt::format("cycle {} of {}: {}", cycle, name, state.error));
      }
      if (stop.stop_requested()) {
        return Status::Cancelled("stopped waiting");
      }
      changed_.Wait(mu_);
    }
  }

  std::vector<LoopView> List() const override {
    MutexLock lock(mu_);
    std::vector<LoopView> views;
    for (const auto& [name, entry] : loops_) {
      views.push_back(ViewOf(name, *entry));
    }
    return views;
  }

  Result<LoopView> Get(std::string_view name) const override {
    MutexLock lock(mu_);
    const auto at = loops_.find(name);
    if (at == loops_.end()) {
      return Status::NotFound(fmt::format("no loop \"{}\"", name));
    }
    return ViewOf(at->first, *at->second);
  }

  std::vector<RetrospectiveView> Retrospectives() const override {
    std::vector<RetrospectiveView> views;
    {
      MutexLock lock(mu_);
      for (const auto& [name, entry] : loops_) {
        for (const auto& [number, cycle] : entry->cycles) {
          if (cycle.done()) {
            views.push_back({fmt::format("{}-{}", name, number), name, number, cycle.results.at(Step::kLookBack), cycle.finished});
          }
        }
      }
    }
    JsonParser parser;
    for (RetrospectiveView& view : views) {
      const auto json = parser.Parse(view.summary);
      view.summary = json.ok() ? json->StringOr("summary", "").value_or("") : "";
    }
    std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.finished > b.finished; });
    return views;
  }

  Result<std::string> RetrospectiveJson(std::string_view id) const override {
    MutexLock lock(mu_);
    const size_t dash = id.rfind('-');
    const auto number = dash == std::string_view::npos ? std::nullopt : ParseInt(id.substr(dash + 1));
    const auto at = number ? loops_.find(id.substr(0, dash)) : loops_.end();
    if (at != loops_.end() && *number > 0 && *number <= UINT32_MAX) {
      const auto cycle = at->second->cycles.find(static_cast<uint32_t>(*number));
      if (cycle != at->second->cycles.end() && cycle->second.done()) {
        return cycle->second.results.at(Step::kLookBack);
      }
    }
    return Status::NotFound(fmt::format("no retrospective \"{}\"", id));
  }

  Result<std::string> RetrospectiveHtml(std::string_view id) const override {
    HOEGO_TRY_ASSIGN(const Retrospective r, Load(id));
    return ToHtml(r);
  }

  Result<std::string> RetrospectiveText(std::string_view id, bool colour) const override {
    HOEGO_TRY_ASSIGN(const Retrospective r, Load(id));
    return ToText(r, colour);
  }

  std::shared_ptr<void> Subscribe(std::function<void(const Progress&)> told) override {
    auto subscriber = std::make_shared<std::function<void(const Progress&)>>(std::move(told));
    MutexLock lock(subscribers_mu_);
    subscribers_.push_back(subscriber);
    return subscriber;
  }

 private:
  Entry& Find(std::string_view name) REQUIRES(mu_) {
    auto& entry = loops_[std::string(name)];
    if (!entry) {
      entry = std::make_unique<Entry>();
    }
    return *entry;
  }

  LoopView ViewOf(const std::string& name, const Entry& e) const REQUIRES(mu_) {
    LoopView v{name, e.file.endpoint, e.file.text, e.running ? "running" : "idle", 0, e.step, e.share, e.what, 0, ""};
    if (!e.cycles.empty()) {
      const CycleState& cycle = e.cycles.rbegin()->second;
      v.cycle = cycle.cycle;
      v.failures = cycle.failures;
      v.error = cycle.error;
      if (cycle.stopped) {
        v.state = "stopped";
      }
    }
    return v;
  }

  Result<Retrospective> Load(std::string_view id) const {
    HOEGO_TRY_ASSIGN(const std::string json, RetrospectiveJson(id));
    return RetrospectiveFromJson(json);
  }

  void Launch(const std::string& name, Entry& entry, uint32_t number) REQUIRES(mu_) {
    entry.running = true;
    entry.worker = std::jthread([this, name, number](const std::stop_token& stop) { Work(name, number, stop); });
  }

  // The thread of one cycle: tries again after a failure until the cycle is done or stopped.
  void Work(const std::string& name, uint32_t number, const std::stop_token& stop) {
    LoopFile file;
    CycleState state;
    {
      MutexLock lock(mu_);
      file = loops_.at(name)->file;
      state = loops_.at(name)->cycles.at(number);
    }
    Status status;
    do {
      status = RunCycle(file, state, steps_, journal_, clock_,
                        [&](Step step, double share, std::string_view what) { Tell(name, state, step, share, what); }, stop);
      if (!status.ok() && status.code() != Code::kCancelled) {
        failed_.Add();
        Log(LogLevel::kError, "loop", "step failed",
            {{"loop", name}, {"cycle", number}, {"failures", state.failures}, {"error", status.ToString()}});
      }
      MutexLock lock(mu_);
      loops_.at(name)->cycles[number] = state;
    } while (!status.ok() && status.code() != Code::kCancelled && !state.stopped && state.failures > 0);
    if (status.ok()) {
      finished_.Add();
    }
    MutexLock lock(mu_);
    if (!status.ok() && state.error.empty()) {
      loops_.at(name)->cycles[number].error = status.ToString();
    }
    loops_.at(name)->running = false;
    changed_.NotifyAll();
  }

  void Tell(const std::string& name, const CycleState& state, Step step, double share, std::string_view what) {
    const Progress progress{name, state.cycle, std::string(StepName(step)), share, std::string(what)};
    {
      MutexLock lock(mu_);
      Entry& entry = *loops_.at(name);
      entry.cycles[state.cycle] = state;
      entry.step = progress.step;
      entry.share = share;
      entry.what = progress.what;
    }
    std::vector<std::shared_ptr<std::function<void(const Progress&)>>> live;
    {
      MutexLock lock(subscribers_mu_);
      std::erase_if(subscribers_, [](const auto& s) { return s.expired(); });
      for (const auto& s : subscribers_) {
        if (auto subscriber = s.lock()) {
          live.push_back(std::move(subscriber));
        }
      }
    }
    for (const auto& subscriber : live) {
      (*subscriber)(progress);
    }
  }

  Steps& steps_;
  registry::Journal& journal_;
  const Clock& clock_;
  Counter& finished_;
  Counter& failed_;
  Mutex put_mu_;  // one Put at a time, around the journal's wait
  mutable Mutex mu_;
  CondVar changed_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> loops_ GUARDED_BY(mu_);
  bool started_ GUARDED_BY(mu_) = false;
  Mutex subscribers_mu_;
  std::vector<std::weak_ptr<std::function<void(const Progress&)>>> subscribers_ GUARDED_BY(subscribers_mu_);
};

}  // namespace

std::unique_ptr<Loops> Loops::Make(Steps& steps, registry::Journal& journal, const Clock& clock, Metrics& metrics) {
  return std::make_unique<LoopsImpl>(steps, journal, clock, metrics);
}

}  // namespace hoego::loop
