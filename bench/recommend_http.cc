// How fast does the server answer :recommend over HTTP, and how late while it trains?
//   recommend_http [SECONDS a row] [ROUNDS] [closed]      defaults: 5, 4; closed: no trainings
// MovieLens-1M ($HOEGO_DATA/movielens-1m-implicit, default ../shared/data) is imported, ALS with 64
// factors is trained on it and registered, `hoego serve` answers for it. Then random known units
// ask for 10 items each:
//   `closed`    1 and 32 connections, each asking anew when its answer is there: the most it takes
//   `quiet` and `training`   300 requests a second by the clock over 8 connections, where latency
//               counts from when a request was due; in turns without and with two training children
//               of the server at work. They belong to a loop that the server runs; in quiet rows
//               they are stopped by SIGSTOP, so that both kinds of rows see the same other load.
// Each row is a line of JSON, the last one sets training beside quiet. Every answer must hold 10
// items and be no fallback.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/http/client.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/line_reader.h"
#include "base/random.h"
#include "base/text.h"
#include "http_client.h"
#include "server_process.h"

namespace hoego::bench {
namespace {

using std::chrono::milliseconds;

constexpr double kRate = 300;
constexpr int kRateConnections = 8;
constexpr size_t kTrainings = 2;

// The winner never comes to be: the bench ends first. A thousand iterations last long enough.
constexpr std::string_view kLoop = R"(name: bench
endpoint: home
learn:
  events: {positive: [watch]}
  candidates:
    - als: {factors: [64], iterations: [1000]}
    - als: {factors: [96], iterations: [1000]}
gate: {better_than: champion}
test:
  route: [ab 50/50 1h]
  metric: watch_rate
then: ask
)";

// Random known units, ten items each.
class RandomUnits final : public LoadWork {
 public:
  RandomUnits(const std::vector<std::string>& units, uint64_t seed) : units_(units), rng_(seed) {}

  void Next(uint64_t, std::string& out) override {
    const std::string& unit = units_[rng_.Below(units_.size())];
    out.append(MakeRequest("POST", "/v1/endpoints/home:recommend",
                           fmt::format("{{\"unit\":\"{}\",\"n\":10}}", unit)));
  }

  bool Check(uint64_t, int status, std::string_view body) override {
    size_t items = 0;
    for (size_t at = 0; (at = body.find("\"position\":", at)) != std::string_view::npos; ++at) {
      ++items;
    }
    return status == 200 && items == 10 &&
           body.find("\"fallback\":false") != std::string_view::npos;
  }

 private:
  const std::vector<std::string>& units_;
  Rng rng_;
};

// Writes the pairs as CSV and returns the units.
Result<std::vector<std::string>> WriteCsv(const std::string& pairs, const std::string& csv) {
  HOEGO_TRY_ASSIGN(auto reader, LineReader::Open(pairs));
  std::ofstream out(csv);
  out << "unit,item\n";
  std::vector<std::string> units;
  for (;;) {
    HOEGO_TRY_ASSIGN(const auto line, reader.Next());
    if (!line) {
      break;
    }
    const auto words = Split(Trim(*line), ' ');
    if (words.size() != 2) {
      return Status::InvalidArgument(
          fmt::format("{} line {}: expected `unit item`", pairs, reader.line_number()));
    }
    out << words[0] << ',' << words[1] << '\n';
    if (units.empty() || units.back() != words[0]) {
      units.emplace_back(words[0]);
    }
  }
  out.close();
  return out ? Result<std::vector<std::string>>(std::move(units))
             : Status::DataLoss(fmt::format("{} cannot be written", csv));
}

Status Prepare(const std::string& csv, const std::string& data) {
  HOEGO_TRY(RunHoego({"import", csv, "--data", data, "--format", "csv", "--column", "unit=unit",
                      "--column", "item=item", "--type", "watch"})
                .status());
  // What an answer costs depends on the length of the vectors, not on how well they are fitted.
  return RunHoego({"train", "als", "--data", data, "--name", "films", "--param", "factors=64",
                   "--param", "iterations=4"})
      .status();
}

// Puts the endpoint up and waits until the model answers.
Status Publish(http::Client& client, const std::string& unit) {
  HOEGO_TRY(http::Succeeded(client.Request("PUT", "/v1/registry/models/films/aliases/champion",
                                           R"({"version":1,"reason":"bench"})"))
                .status());
  HOEGO_TRY(http::Succeeded(client.Request("PUT", "/v1/endpoints/home",
                                           R"({"model":"films@champion","deadline_ms":1000})"))
                .status());
  const std::string body = fmt::format(R"({{"unit":"{}"}})", unit);
  for (int i = 0; i < 300; ++i) {
    const auto answer = client.Request("POST", "/v1/endpoints/home:recommend", body);
    if (answer.ok() && answer->body.find("\"fallback\":false") != std::string::npos) {
      return {};
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
  return Status::DeadlineExceeded("the model was not loaded within 30 s");
}

struct Row {
  Latencies latencies;
  bool right = true;
};

double CpuOf(const std::vector<pid_t>& pids) {
  double sum = 0;
  for (const pid_t pid : pids) {
    sum += std::max(CpuSeconds(pid), 0.0);
  }
  return sum;
}

Row Ask(const ServerProcess& server, const std::vector<std::string>& units, std::string_view name,
        uint64_t round, LoadOptions load, const std::vector<pid_t>& trainings) {
  load.port = server.port();
  load.warm_up = milliseconds(0);
  load.drain = milliseconds(5'000);
  const double before = CpuSeconds(server.pid());
  const double trained = CpuOf(trainings);
  const LoadResult r = RunLoad(load, [&](int thread) {
    return std::make_unique<RandomUnits>(units, 1000 * round + static_cast<uint64_t>(thread));
  });
  const double cpu = CpuSeconds(server.pid()) - before;
  const Row row{r.latencies, r.wrong + r.broken == 0 && r.latencies.count() > 0};
  JsonWriter w;
  w.BeginObject().Field("bench", "recommend_http").Field("row", name).Field("round", round);
  w.Field("connections", load.connections).Field("rate", load.rate);
  w.Field("requests_per_second", r.per_second());
  w.Field("p50_us", r.latencies.Micros(0.5)).Field("p99_us", r.latencies.Micros(0.99));
  w.Field("max_us", r.latencies.max_micros());
  w.Field("server_us_per_request",
          1e6 * cpu / static_cast<double>(std::max<uint64_t>(r.latencies.count(), 1)));
  w.Field("training_cores", (CpuOf(trainings) - trained) / r.seconds);
  w.Field("wrong", r.wrong).Field("broken", r.broken).Field("load_average", LoadAverage());
  fmt::print("{}\n", w.EndObject().text());
  std::fflush(stdout);
  return row;
}

// Waits until the loop's children are past reading and busy fitting.
Result<std::vector<pid_t>> AwaitTrainings(http::Client& client, const ServerProcess& server) {
  constexpr double kPastReading = 3;  // seconds of CPU
  for (int i = 0; i < 1200; ++i) {
    std::vector<pid_t> children = ChildrenOf(server.pid());
    if (children.size() == kTrainings &&
        std::all_of(children.begin(), children.end(),
                    [](pid_t pid) { return CpuSeconds(pid) > kPastReading; })) {
      return children;
    }
    std::this_thread::sleep_for(milliseconds(100));
  }
  const auto loops = client.Request("GET", "/v1/loops");
  return Status::DeadlineExceeded(
      fmt::format("two trainings did not run within 120 s: {}", loops.ok() ? loops->body : ""));
}

Status StartTrainings(http::Client& client) {
  HOEGO_TRY(http::Succeeded(
                client.Request("POST", "/v1/loops", kLoop, {{"Content-Type", "application/yaml"}}))
                .status());
  return http::Succeeded(client.Request("POST", "/v1/loops/bench:run")).status();
}

void Signal(const std::vector<pid_t>& pids, int signal) {
  for (const pid_t pid : pids) {
    ::kill(pid, signal);
  }
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

struct Compared {
  Latencies all;
  std::vector<double> p50;
  std::vector<double> p99;

  void Add(const Latencies& row) {
    all.Add(row);
    p50.push_back(row.Micros(0.5));
    p99.push_back(row.Micros(0.99));
  }
};

void PrintCompared(const Compared& quiet, const Compared& training) {
  JsonWriter w;
  w.BeginObject().Field("bench", "recommend_http").Field("row", "compared");
  w.Field("quiet_p50_us", quiet.all.Micros(0.5)).Field("quiet_p99_us", quiet.all.Micros(0.99));
  w.Field("training_p50_us", training.all.Micros(0.5));
  w.Field("training_p99_us", training.all.Micros(0.99));
  w.Field("p99_ratio", training.all.Micros(0.99) / quiet.all.Micros(0.99));
  w.Field("median_quiet_p99_us", Median(quiet.p99));
  w.Field("median_training_p99_us", Median(training.p99));
  w.Field("p99_ratio_of_medians", Median(training.p99) / Median(quiet.p99));
  fmt::print("{}\n", w.EndObject().text());
}

Status Run(const std::string& pairs, milliseconds duration, uint64_t rounds, bool trainings_too) {
  HOEGO_TRY_ASSIGN(const TempFolder folder, TempFolder::Make("recommend"));
  const std::string data = JoinPath(folder.path(), "data");
  const std::string csv = JoinPath(folder.path(), "pairs.csv");
  HOEGO_TRY_ASSIGN(const std::vector<std::string> units, WriteCsv(pairs, csv));
  HOEGO_TRY(Prepare(csv, data));
  HOEGO_TRY_ASSIGN(ServerProcess server, ServerProcess::Start(data));
  http::ClientOptions options;
  options.port = server.port();
  HOEGO_TRY_ASSIGN(auto client, http::Client::Connect(options));
  HOEGO_TRY(Publish(client, units.front()));

  bool right = true;
  LoadOptions load;
  load.duration = duration;
  load.connections = 32;
  Ask(server, units, "warm_up", 0, load, {});
  for (uint64_t round = 1; round <= rounds; ++round) {
    for (const int connections : {1, 32}) {
      load.connections = connections;
      right = Ask(server, units, "closed", round, load, {}).right && right;
    }
  }
  if (!trainings_too) {
    HOEGO_TRY(server.Stop());
    return right ? Status() : Status::Internal("some answers were wrong or did not come");
  }
  load.connections = kRateConnections;
  load.rate = kRate;
  right = Ask(server, units, "no_training_yet", 0, load, {}).right && right;
  HOEGO_TRY(StartTrainings(client));
  HOEGO_TRY_ASSIGN(std::vector<pid_t> trainings, AwaitTrainings(client, server));
  Compared quiet;
  Compared training;
  for (uint64_t round = 1; round <= rounds;) {
    Signal(trainings, SIGSTOP);
    const Row without = Ask(server, units, "quiet", round, load, trainings);
    Signal(trainings, SIGCONT);
    const Row with = Ask(server, units, "training", round, load, trainings);
    right = right && without.right && with.right;
    if (ChildrenOf(server.pid()) != trainings) {  // a training gave way to the next: once more
      HOEGO_TRY_ASSIGN(trainings, AwaitTrainings(client, server));
      continue;
    }
    quiet.Add(without.latencies);
    training.Add(with.latencies);
    ++round;
  }
  PrintCompared(quiet, training);
  HOEGO_TRY(server.Stop());
  return right ? Status() : Status::Internal("some answers were wrong or did not come");
}

}  // namespace
}  // namespace hoego::bench

int main(int argc, char** argv) {
  const auto number = [&](int i, double fallback) {
    return argc > i ? hoego::ParseDouble(argv[i]).value_or(fallback) : fallback;
  };
  const char* const named = std::getenv("HOEGO_DATA");
  const std::string pairs = hoego::JoinPath(named != nullptr ? named : "../shared/data",
                                            "movielens-1m-implicit/pairs_file_order.txt.xz");
  const std::chrono::milliseconds duration(static_cast<int64_t>(number(1, 5) * 1000));
  const bool closed = argc > 3 && std::string_view(argv[3]) == "closed";
  const hoego::Status status = hoego::bench::Run(
      pairs, duration, static_cast<uint64_t>(std::max(number(2, 4), 1.0)), !closed);
  if (!status.ok()) {
    fmt::print(stderr, "recommend_http: {}\n", status.ToString());
    return 1;
  }
  return 0;
}
