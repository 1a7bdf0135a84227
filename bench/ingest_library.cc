// How many events a second does the log take without HTTP, and at what CPU time each?
//   ingest_library [FOLDER] [events] [writers] [batch]      defaults: a fresh folder under /tmp,
//   2,000,000, 8, 1000
// Events have distinct ids and about 150 bytes as JSON (id 36, unit, item, value, a property);
// deduplication is on. Prints one line for batches and one for single events from 32 writers, and
// checks that every one is there.
#include <fmt/format.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "events/store.h"

namespace hoego {
namespace {

using Clock = std::chrono::steady_clock;

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Load {
  size_t writers;
  size_t batch;
  size_t events;
  uint64_t first_id;
};

// The batch's texts and records, made before the clock starts to run for it.
struct Batch {
  std::vector<std::string> texts;
  std::vector<events::NewRecord> records;
};

Batch MakeBatch(Rng& rng, uint64_t first_id, size_t n) {
  Batch batch;
  batch.texts.reserve(3 * n);
  for (size_t i = 0; i < n; ++i) {
    batch.texts.push_back(fmt::format("0190163d-8694-739b-aea5-{:012x}", first_id + i));
    batch.texts.push_back(fmt::format("unit-{:07}", rng.Below(100'000)));
    batch.texts.push_back(fmt::format("item-{:05}", rng.Below(20'000)));
    events::NewEvent event;
    event.id = batch.texts[3 * i];
    event.unit = batch.texts[3 * i + 1];
    event.item = batch.texts[3 * i + 2];
    event.type = "watch";
    event.time = FromUnixMillis(1'700'000'000'000);
    event.value = 0.5;
    event.properties = R"({"device":"tv","seconds":1234})";
    batch.records.emplace_back(event);
  }
  return batch;
}

void Run(events::EventStore& store, const Load& load) {
  std::atomic<uint64_t> accepted{0};
  std::atomic<int64_t> making_us{0};  // CPU that the making of events took, not the log
  const double cpu = CpuSeconds();
  const auto begun = Clock::now();
  std::vector<std::jthread> writers;
  for (size_t w = 0; w < load.writers; ++w) {
    writers.emplace_back([&, w] {
      Rng rng(w);
      const size_t batches = load.events / load.writers / load.batch;
      for (size_t b = 0; b < batches; ++b) {
        timespec before{};
        timespec after{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
        const Batch batch =
            MakeBatch(rng, load.first_id + (w * batches + b) * load.batch, load.batch);
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
        making_us +=
            (after.tv_sec - before.tv_sec) * 1'000'000 + (after.tv_nsec - before.tv_nsec) / 1000;
        const auto result = events::AppendAndWait(store.log(), batch.records);
        if (!result.ok()) {
          fmt::print(stderr, "append: {}\n", result.status().ToString());
          std::exit(1);
        }
        accepted += result->accepted;
      }
    });
  }
  writers.clear();
  const double seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  const double used = CpuSeconds() - cpu - 1e-6 * static_cast<double>(making_us.load());
  const auto n = static_cast<double>(accepted.load());
  fmt::print(
      "{:>2} writers x {:>4} events: {:>9.0f} events/s, {:.2f} us CPU each ({:.1f} s, {} "
      "accepted)\n",
      load.writers, load.batch, n / seconds, 1e6 * used / n, seconds, accepted.load());
}

int Main(int argc, char** argv) {
  const auto number = [&](int i, int64_t fallback) {
    return static_cast<size_t>(argc > i ? ParseInt(argv[i]).value_or(fallback) : fallback);
  };
  const std::string folder = argc > 1 ? argv[1] : "/tmp/hoego-ingest";
  const size_t events = number(2, 2'000'000);
  const size_t writers = number(3, 8);
  const size_t batch = number(4, 1000);
  const size_t singles = number(5, 200'000);
  std::filesystem::remove_all(folder);
  events::StoreOptions options;
  options.folder = JoinPath(folder, "log");
  auto opened =
      events::EventStore::Open(options, RealDisk(), SystemClock::Instance(), Metrics::Global());
  if (!opened.ok()) {
    fmt::print(stderr, "{}\n", opened.status().ToString());
    return 1;
  }
  events::EventStore& store = **opened;
  Run(store, {writers, batch, events / 10, 1});  // the dictionaries fill
  Run(store, {writers, batch, events, 1'000'000'000});
  if (singles > 0) {
    Run(store, {32, 1, singles, 2'000'000'000});
  }
  fmt::print("log: {:.1f} bytes an event, {} units, {} items\n",
             static_cast<double>(store.log().end().offset) /
                 static_cast<double>(events * 11 / 10 + singles),
             store.unit_count(), store.item_count());
  opened->reset();
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace hoego

int main(int argc, char** argv) {
  return hoego::Main(argc, argv);
}
