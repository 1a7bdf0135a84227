#include "app/visitors.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_set>

#include "api/http/client.h"
#include "base/json.h"
#include "base/mutex.h"
#include "base/random.h"
#include "base/thread_pool.h"

namespace hoego::app {
namespace {

using SteadyClock = std::chrono::steady_clock;

double ProcessCpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6; };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Everything the threads of one simulation share.
struct Shared {
  const std::vector<Visitor>& visitors;
  const VisitorOptions& options;
  std::vector<uint32_t> order;  // visit i is of visitors[order[i]]
  SteadyClock::time_point start;
  double cpu_at_start = 0;
  std::atomic<size_t> next{0};
  Mutex mu;
  VisitorReport report GUARDED_BY(mu);
};

struct Shown {
  std::string decision;
  std::vector<std::string> items;
};

Result<Shown> Ask(http::Client& client, const std::string& target, const std::string& unit, int n) {
  JsonWriter w;
  w.BeginObject().Field("unit", unit).Field("n", n).EndObject();
  HOEGO_TRY_ASSIGN(const http::Response answer, http::Succeeded(client.Request("POST", target, w.text())));
  JsonParser parser;
  HOEGO_TRY_ASSIGN(const JsonRef root, parser.Parse(answer.body));
  Shown shown;
  HOEGO_TRY_ASSIGN(shown.decision, root.RequireString("decision_id"));
  const auto items = root.Find("items");
  if (!items) {
    return Status::DataLoss("answer without items");
  }
  HOEGO_TRY(items->ForEachElement([&](JsonRef item) -> Status {
    HOEGO_TRY_ASSIGN(std::string id, item.RequireString("item"));
    shown.items.push_back(std::move(id));
    return {};
  }));
  return shown;
}

// The films she plays of those shown: she looks from the top, less and less likely further down.
std::vector<std::string> Choose(const Shown& shown, const std::unordered_set<std::string_view>& hidden,
                                const VisitorOptions& options, Rng& rng, uint64_t& hits) {
  std::vector<std::string> played;
  double looks = 1;
  for (const std::string& item : shown.items) {
    const bool wanted = hidden.contains(item);
    hits += wanted ? 1 : 0;
    const bool looked = rng.Chance(looks);
    const bool plays = rng.Chance(wanted ? options.play_hidden : options.play_other);
    if (looked && plays) {
      played.push_back(item);
    }
    looks *= options.examine_decay;
  }
  return played;
}

Status SendPlays(http::Client& client, const std::string& unit, const Shown& shown, const std::vector<std::string>& played) {
  JsonWriter w;
  w.BeginArray();
  for (const std::string& item : played) {
    w.BeginObject().Field("id", shown.decision + ":" + item).Field("type", "watch").Field("unit", unit);
    w.Field("item", item).Field("decision", shown.decision).Key("properties").BeginObject();
    w.Field("simulated", true).EndObject().EndObject();
  }
  w.EndArray();
  return http::Succeeded(client.Request("POST", "/v1/events", w.text())).status();
}

void Visit(Shared& shared, size_t i, http::Client& client) {
  const Visitor& visitor = shared.visitors[shared.order[i]];
  Rng rng(Mix64(shared.options.seed ^ Mix64(i)));
  const std::unordered_set<std::string_view> hidden(visitor.hidden.begin(), visitor.hidden.end());
  VisitorReport one;
  one.visits = 1;
  one.requests = 1;
  const std::string target = "/v1/endpoints/" + shared.options.endpoint + ":recommend";
  const Result<Shown> shown = Ask(client, target, visitor.unit, shared.options.shown);
  Status failure = shown.status();
  if (shown.ok()) {
    one.shown = shown->items.size();
    const auto played = Choose(*shown, hidden, shared.options, rng, one.hidden_shown);
    if (!played.empty()) {
      one.requests = 2;
      failure = SendPlays(client, visitor.unit, *shown, played);
      one.plays = failure.ok() ? played.size() : 0;
    }
  }
  MutexLock lock(shared.mu);
  VisitorReport& sum = shared.report;
  sum.visits += one.visits;
  sum.requests += one.requests;
  sum.plays += one.plays;
  sum.shown += one.shown;
  sum.hidden_shown += one.hidden_shown;
  if (!failure.ok()) {
    ++sum.failed;
    if (sum.first_error.empty()) {
      sum.first_error = failure.ToString();
    }
  }
}

// Waits for the visit's moment, and longer while this process uses more of the CPU than it may. False when stopped.
bool WaitForTurn(const Shared& shared, size_t i, const std::stop_token& stop) {
  const double share = static_cast<double>(i) / static_cast<double>(shared.order.size());
  auto moment = shared.start + std::chrono::duration_cast<SteadyClock::duration>(shared.options.window * share);
  const double used = ProcessCpuSeconds() - shared.cpu_at_start;
  const auto paced = std::chrono::duration<double>(used / (shared.options.cpu_share * static_cast<double>(UsableCores())));
  moment = std::max(moment, shared.start + std::chrono::duration_cast<SteadyClock::duration>(paced));
  std::mutex mu;
  std::condition_variable_any cv;
  std::unique_lock<std::mutex> lock(mu);
  cv.wait_until(lock, stop, moment, [] { return false; });
  return !stop.stop_requested();
}

}  // namespace

VisitorReport RunVisitors(const std::vector<Visitor>& visitors, const VisitorOptions& options,
                          const std::function<void(double)>& progress, const std::stop_token& stop) {
  Shared shared{visitors, options, {}, SteadyClock::now(), ProcessCpuSeconds(), {}, {}, {}};
  Rng rng(options.seed);
  for (int round = 0; round < options.visits; ++round) {
    std::vector<uint32_t> all(visitors.size());
    for (uint32_t i = 0; i < all.size(); ++i) {
      all[i] = i;
    }
    rng.Shuffle(all);
    shared.order.insert(shared.order.end(), all.begin(), all.end());
  }
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < options.threads; ++t) {
      threads.emplace_back([&shared, &progress, &stop, t] {
        http::ClientOptions to;
        to.host = shared.options.host;
        to.port = shared.options.port;
        http::Client client(to);
        for (size_t i = shared.next++; i < shared.order.size() && WaitForTurn(shared, i, stop); i = shared.next++) {
          Visit(shared, i, client);
          if (t == 0) {
            progress(static_cast<double>(i + 1) / static_cast<double>(shared.order.size()));
          }
        }
      });
    }
  }
  MutexLock lock(shared.mu);
  VisitorReport report = shared.report;
  report.seconds = std::chrono::duration<double>(SteadyClock::now() - shared.start).count();
  report.cpu_share = (ProcessCpuSeconds() - shared.cpu_at_start) / (report.seconds * static_cast<double>(UsableCores()));
  return report;
}

std::string SimulationNote(const VisitorOptions& o) {
  return fmt::format(
      "Visitors are SIMULATED from real events: each is a real MovieLens user with her real history; she looks at position k "
      "with probability {:.2f}^(k-1) and plays a film of her real, hidden later choices with probability {:.2f}, any other with "
      "{:.3f}.",
      o.examine_decay, o.play_hidden, o.play_other);
}

}  // namespace hoego::app
