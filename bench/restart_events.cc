// How long does a log of ten million events and a million units take to open, and how much memory
// does it hold then?
//   restart_events FOLDER [events] [units]     fills FOLDER when it is empty, then opens it in a
//   new process three times restart_events --open FOLDER               one opening: prints seconds,
//   resident bytes, and what it found
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "events/store.h"

namespace hoego {
namespace {

std::unique_ptr<events::EventStore> Open(const std::string& folder) {
  events::StoreOptions options;
  options.folder = JoinPath(folder, "log");
  auto opened =
      events::EventStore::Open(options, RealDisk(), SystemClock::Instance(), Metrics::Global());
  if (!opened.ok()) {
    fmt::print(stderr, "{}\n", opened.status().ToString());
    std::exit(1);
  }
  return std::move(*opened);
}

double ResidentMib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) {
      const auto words = Split(Trim(std::string_view(line).substr(6)), ' ');
      return static_cast<double>(ParseInt(words[0]).value_or(0)) / 1024;
    }
  }
  return 0;
}

int OpenOnce(const std::string& folder) {
  const auto begun = std::chrono::steady_clock::now();
  const auto store = Open(folder);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  fmt::print("opened in {:.3f} s, {:.0f} MiB resident: {} units, {} items, {:.2f} GB of log\n",
             seconds, ResidentMib(), store->unit_count(), store->item_count(),
             1e-9 * static_cast<double>(store->log().end().offset));
  return 0;
}

void Fill(const std::string& folder, size_t events, size_t units) {
  const auto store = Open(folder);
  Rng rng(1);
  constexpr size_t kBatch = 10'000;
  std::vector<std::string> texts(3 * kBatch);
  std::vector<events::NewRecord> batch;
  for (size_t i = 0; i < events; i += kBatch) {
    batch.clear();
    for (size_t k = 0; k < kBatch; ++k) {
      texts[3 * k] = fmt::format("0190163d-8694-739b-aea5-{:012x}", i + k);
      // Every unit once, then at random.
      texts[3 * k + 1] = fmt::format("unit-{}", i + k < units ? i + k : rng.Below(units));
      texts[3 * k + 2] = fmt::format("item-{}", rng.Below(50'000));
      events::NewEvent event;
      event.id = texts[3 * k];
      event.unit = texts[3 * k + 1];
      event.item = texts[3 * k + 2];
      event.type = "watch";
      event.value = 1;
      event.properties = R"({"device":"tv","seconds":1234})";
      batch.emplace_back(event);
    }
    const auto result = events::AppendAndWait(store->log(), batch);
    if (!result.ok() || result->accepted != kBatch) {
      fmt::print(stderr, "append failed: {}\n", result.status().ToString());
      std::exit(1);
    }
  }
}

int Main(int argc, char** argv) {
  if (argc == 3 && std::string_view(argv[1]) == "--open") {
    return OpenOnce(argv[2]);
  }
  if (argc < 2) {
    fmt::print(stderr, "restart_events FOLDER [events] [units]\n");
    return 2;
  }
  const std::string folder = argv[1];
  if (!std::filesystem::exists(folder)) {
    Fill(folder, static_cast<size_t>(argc > 2 ? ParseInt(argv[2]).value_or(0) : 10'000'000),
         static_cast<size_t>(argc > 3 ? ParseInt(argv[3]).value_or(0) : 1'000'000));
  }
  for (int i = 0; i < 3; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", argv[0], "--open", folder.c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    if (status != 0) {
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace hoego

int main(int argc, char** argv) {
  return hoego::Main(argc, argv);
}
