// What does one answer cost inside the process, from the request to the answer with its decision
// queued?
//   recommend_library PAIRS [SECONDS] [THREADS] [ALGORITHM] [name=value…]
// PAIRS: lines of `unit item` (MovieLens-1M: movielens-1m-implicit/pairs_file_order.txt.xz). Writes
// them to a fresh log, trains ALS with 64 factors on that log, then asks for 10 items for random
// units: history from the log, fold-in, all scores, exact top-k without seen items. One JSON line:
// µs an answer by the clock and by the CPU, and what Score alone takes.
#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "base/line_reader.h"
#include "base/log.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "datasets/dataset.h"
#include "events/store.h"
#include "kernels/simd.h"
#include "latencies.h"
#include "serving/serving.h"
#include "training/algorithm.h"

namespace hoego {
namespace {

using std::chrono::nanoseconds;

class StoreJournal final : public registry::Journal {
 public:
  explicit StoreJournal(events::EventStore& store) : store_(store) {}
  Status Append(std::string_view kind, std::string_view name, std::string_view json) override {
    const std::array<events::NewRecord, 1> records{events::Definition{kind, name, json}};
    return events::AppendAndWait(store_.log(), records).status();
  }

 private:
  events::EventStore& store_;
};

class OneFolder final : public serving::ModelFetcher {
 public:
  explicit OneFolder(std::string folder) : folder_(std::move(folder)) {}
  Result<std::string> Fetch(const registry::ModelVersion&) override { return folder_; }

 private:
  const std::string folder_;
};

Result<std::vector<std::string>> WriteEvents(const std::string& path, events::EventStore& store) {
  HOEGO_TRY_ASSIGN(auto reader, LineReader::Open(path));
  std::vector<std::string> units;
  std::vector<std::pair<std::string, std::string>> rows;
  const auto flush = [&]() -> Status {
    std::vector<events::NewRecord> batch;
    for (const auto& [unit, item] : rows) {
      events::NewEvent event;
      event.type = "watch";
      event.unit = unit;
      event.item = item;
      batch.emplace_back(event);
    }
    const auto appended = events::AppendAndWait(store.log(), batch);
    rows.clear();
    return appended.status();
  };
  for (;;) {
    HOEGO_TRY_ASSIGN(const auto line, reader.Next());
    if (!line) {
      break;
    }
    const auto words = Split(Trim(*line), ' ');
    if (words.size() != 2) {
      return Status::InvalidArgument(
          fmt::format("{} line {}: expected `unit item`", path, reader.line_number()));
    }
    rows.emplace_back(words[0], words[1]);
    if (units.empty() || units.back() != words[0]) {
      units.emplace_back(words[0]);
    }
    if (rows.size() == 10'000) {
      HOEGO_TRY(flush());
    }
  }
  HOEGO_TRY(flush());
  return units;
}

Result<uint32_t> Train(events::EventStore& store, const std::string& folder,
                       const std::string& algorithm, const std::vector<std::string>& params) {
  datasets::LearnFrom learn;
  learn.positive = {"watch"};
  HOEGO_TRY_ASSIGN(const auto dataset,
                   datasets::FromLog(store, store.log().begin(), store.log().end(), learn));
  const kernels::Csr train = datasets::ToCsr(dataset);
  const training::Algorithm* how = training::FindAlgorithm(algorithm);
  if (how == nullptr) {
    return Status::NotFound(fmt::format("no algorithm {}", algorithm));
  }
  Settings settings(how->params());
  for (const std::string& assignment : params) {
    HOEGO_TRY(settings.SetAssignment(assignment));
  }
  training::FitInput input{train, dataset.items};
  ThreadPool pool(0);
  training::SilentObserver observer;
  HOEGO_TRY_ASSIGN(const auto model, how->Fit(input, settings, pool, observer, {}));
  HOEGO_TRY(model->Save(folder));
  return model->items();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Load {
  bench::Latencies latencies;
  uint64_t answers = 0;
  uint64_t wrong = 0;  // failed, fell back or had a seen item
  double seconds = 0;
  double cpu_seconds = 0;
};

Load Ask(serving::Serving& serving, const std::vector<std::string>& units, double seconds,
         unsigned threads) {
  const Clock& clock = SystemClock::Instance();
  std::vector<Load> loads(threads);
  const auto begin = clock.Monotonic();
  const auto end =
      begin + std::chrono::duration_cast<nanoseconds>(std::chrono::duration<double>(seconds));
  const double cpu = CpuSeconds();
  {
    std::vector<std::jthread> callers;
    for (unsigned t = 0; t < threads; ++t) {
      callers.emplace_back([&, t] {
        Rng rng(t + 1);
        Load& load = loads[t];
        for (auto now = clock.Monotonic(); now < end;) {
          serving::RecommendRequest request;
          request.endpoint = "home";
          request.unit = units[rng.Below(units.size())];
          serving.Recommend(request, [&load](Result<serving::RecommendAnswer> answer) {
            load.wrong += !answer.ok() || answer->fallback || answer->items.size() != 10 ? 1 : 0;
          });
          const auto after = clock.Monotonic();
          load.latencies.Record(after - now);
          ++load.answers;
          now = after;
        }
      });
    }
  }
  Load all;
  all.seconds = std::chrono::duration<double>(clock.Monotonic() - begin).count();
  all.cpu_seconds = CpuSeconds() - cpu;
  for (const Load& load : loads) {
    all.latencies.Add(load.latencies);
    all.answers += load.answers;
    all.wrong += load.wrong;
  }
  return all;
}

// µs of Score alone, over the same histories.
double ScoreMicros(const serving::LoadedVersion& version, events::EventStore& store,
                   const std::vector<std::string>& units) {
  std::vector<float> scores(version.scorer->items());
  std::vector<models::Interaction> history;
  Rng rng(1);
  nanoseconds spent{0};
  constexpr int kRounds = 2'000;
  for (int i = 0; i < kRounds; ++i) {
    const auto events = store.history().Get(*store.FindUnit(units[rng.Below(units.size())]));
    version.learn.FoldIn(*events, *version.items.Get(), history);
    const auto begin = SystemClock::Instance().Monotonic();
    version.scorer->Score(history, scores);
    spent += SystemClock::Instance().Monotonic() - begin;
  }
  return std::chrono::duration<double, std::micro>(spent).count() / kRounds;
}

Status Run(const std::string& pairs, double seconds, unsigned threads, const std::string& algorithm,
           const std::vector<std::string>& params, const std::string& folder) {
  const Clock& clock = SystemClock::Instance();
  Metrics metrics;
  events::StoreOptions options;
  options.folder = folder + "/log";
  HOEGO_TRY_ASSIGN(const auto store, events::EventStore::Open(options, RealDisk(), clock, metrics));
  HOEGO_TRY_ASSIGN(const auto units, WriteEvents(pairs, *store));
  HOEGO_TRY_ASSIGN(const uint32_t items, Train(*store, folder + "/model", algorithm, params));

  StoreJournal journal(*store);
  const auto registry = registry::Registry::Make(journal, clock);
  HOEGO_TRY(registry->CreateModel("films", "").status());
  registry::ModelVersion version;
  version.model = "films";
  version.source = "runs:/bench/model";
  HOEGO_TRY_ASSIGN(version, registry->CreateVersion(version));
  HOEGO_TRY(registry->MoveAlias("films", "champion", 1, std::nullopt, "bench", "bench").status());
  serving::Endpoints endpoints(journal, *registry);
  OneFolder fetcher(folder + "/model");
  serving::ModelStore models(fetcher, models::LoadModel, *store, clock, metrics, {});
  serving::Popularity popular(store->log(), clock, metrics, {});
  serving::DecisionLog decisions(store->log(), nullptr, metrics, {});
  serving::Serving serving(
      {*store, *registry, endpoints, models, popular, decisions, nullptr, clock, metrics});
  std::promise<Status> ready;
  serving.Prepare("films", 1, [&ready](const Status& s) { ready.set_value(s); });
  HOEGO_TRY(ready.get_future().get());
  HOEGO_TRY(endpoints.Put("home", R"({"model":"films@champion","deadline_ms":1000})").status());
  popular.WaitUntil(store->log().end());

  Ask(serving, units, seconds / 5, threads);  // caches, histories
  const double score_us = ScoreMicros(*models.Acquire("films", 1), *store, units);
  const Load load = Ask(serving, units, seconds, threads);
  const auto answers = static_cast<double>(load.answers);
  JsonWriter w;
  w.BeginObject().Field("bench", "recommend_library").Field("algorithm", algorithm);
  w.Field("items", items).Field("units", uint64_t{units.size()});
  w.Field("simd", kernels::SimdLevelName(kernels::ActiveSimdLevel())).Field("threads", threads);
  w.Field("answers", load.answers).Field("wrong", load.wrong);
  w.Field("answers_per_second", answers / load.seconds);
  w.Field("p50_us", load.latencies.Micros(0.5)).Field("p99_us", load.latencies.Micros(0.99));
  w.Field("cpu_us", 1e6 * load.cpu_seconds / answers).Field("score_us", score_us);
  w.EndObject();
  fmt::print("{}\n", w.text());
  return load.wrong == 0 ? Status() : Status::Internal("some answers were wrong");
}

}  // namespace
}  // namespace hoego

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr,
               "usage: recommend_library PAIRS [SECONDS] [THREADS] [ALGORITHM] [name=value...]\n");
    return 2;
  }
  const std::vector<std::string> args(argv + 1, argv + argc);
  const double seconds = args.size() > 1 ? hoego::ParseDouble(args[1]).value_or(5) : 5;
  const auto threads = args.size() > 2 ? hoego::ParseInt(args[2]).value_or(1) : 1;
  const std::string algorithm = args.size() > 3 ? args[3] : "als";
  const std::vector<std::string> params(
      args.begin() + std::min<std::ptrdiff_t>(4, std::ssize(args)), args.end());
  hoego::SetLogLevel(hoego::LogLevel::kError);
  std::error_code failed;
  const auto folder = std::filesystem::temp_directory_path(failed) /
                      fmt::format("hoego-recommend-{}",
                                  hoego::NewUuid(hoego::SystemClock::Instance().Now()).ToString());
  std::filesystem::create_directories(folder / "model", failed);
  const hoego::Status status = hoego::Run(args[0], seconds, static_cast<unsigned>(threads),
                                          algorithm, params, folder.string());
  std::filesystem::remove_all(folder, failed);
  if (!status.ok()) {
    fmt::print(stderr, "recommend_library: {}\n", status.ToString());
    return 1;
  }
  return 0;
}
