// How many events a second does the server acknowledge over HTTP, and what does each cost it?
//   ingest_http [SECONDS a row] [ROUNDS]      defaults: 4, 3
// Starts `hoego serve` on an empty folder (TMPDIR says on which disk) and sends it events with
// distinct ids, deduplication on. Rows of a round: `calibrate` (what this machine does by itself:
// SHA-256 on one core, a write of 4 KiB with its fdatasync), `batches` (8 connections, NDJSON of
// 1,000 events) and `singles` (32 connections, an event a request). Each row is a line of JSON, the
// last one holds the medians. Every answer must acknowledge what its request held, and in the end
// the server's counter and `hoego export` must hold exactly what was acknowledged.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/client.h"
#include "base/crypto.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/random.h"
#include "base/text.h"
#include "http_client.h"
#include "server_process.h"

namespace hoego::bench {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr std::string_view kEvent =
    R"({"id":"0190163d-8694-739b-aea5-000000000000","time":1763800000000,"type":"watch",)"
    R"("unit":"unit-00000","item":"item-00000","value":0.5,)"
    R"("properties":{"device":"tv","seconds":1234}})";
static_assert(kEvent.size() >= 150);
constexpr size_t kIdAt = kEvent.find("000000000000");
constexpr size_t kUnitAt = kEvent.find("unit-") + 5;
constexpr size_t kItemAt = kEvent.find("item-") + 5;
constexpr uint64_t kUnits = 100'000;
constexpr uint64_t kItems = 20'000;

void PutHex(char* to, uint64_t value) {
  for (size_t i = 12; i-- > 0; value >>= 4) {
    to[i] = "0123456789abcdef"[value & 15];
  }
}

void PutDigits(char* to, uint64_t value) {
  for (size_t i = 5; i-- > 0; value /= 10) {
    to[i] = static_cast<char>('0' + value % 10);
  }
}

struct Shape {
  std::string_view name;
  int connections;
  size_t batch;  // events a request
};
constexpr Shape kBatches{"batches", 8, 1000};
constexpr Shape kSingles{"singles", 32, 1};

// Events that were never sent before: only the digits of one request are written anew each time.
class FreshEvents final : public LoadWork {
 public:
  // `first_id` is below 2^48 and leaves room for what this row sends.
  FreshEvents(const Shape& shape, uint64_t first_id, std::atomic<uint64_t>& acknowledged)
      : batch_(shape.batch), next_id_(first_id), rng_(first_id), acknowledged_(acknowledged) {
    const size_t body = batch_ * kLine;
    request_ = MakeRequest(
        "POST", "/v1/events", {},
        fmt::format("Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n", body));
    head_ = request_.size();
    for (size_t i = 0; i < batch_; ++i) {
      request_.append(kEvent).append("\n");
    }
    expected_ = fmt::format("{{\"accepted\":{},\"duplicates\":0,", batch_);
  }

  void Next(uint64_t, std::string& out) override {
    for (size_t i = 0; i < batch_; ++i) {
      char* const line = request_.data() + head_ + i * kLine;
      PutHex(line + kIdAt, next_id_++);
      PutDigits(line + kUnitAt, rng_.Below(kUnits));
      PutDigits(line + kItemAt, rng_.Below(kItems));
    }
    out.append(request_);
  }

  bool Check(uint64_t, int status, std::string_view body) override {
    const bool right = status == 200 && body.starts_with(expected_);
    acknowledged_ += right ? batch_ : 0;
    return right;
  }

 private:
  static constexpr size_t kLine = kEvent.size() + 1;
  const size_t batch_;
  uint64_t next_id_;
  Rng rng_;
  std::atomic<uint64_t>& acknowledged_;
  std::string request_;
  size_t head_ = 0;
  std::string expected_;
};

struct Row {
  double per_second = 0;
  double server_us = 0;  // CPU an event
};

// Sends for a while, measured or not; `id` makes the ids of this call its own.
Row Send(const ServerProcess& server, const Shape& shape, milliseconds duration, uint64_t id,
         uint64_t round, uint64_t& acknowledged, bool& right) {
  LoadOptions load;
  load.port = server.port();
  load.connections = shape.connections;
  load.warm_up = milliseconds(0);
  load.duration = duration;
  load.drain = milliseconds(30'000);
  std::atomic<uint64_t> taken{0};
  const double before = CpuSeconds(server.pid());
  const LoadResult r = RunLoad(load, [&](int thread) {
    const auto first = (id << 40) + (static_cast<uint64_t>(thread) << 36);
    return std::make_unique<FreshEvents>(shape, first, taken);
  });
  const double cpu = CpuSeconds(server.pid()) - before;
  acknowledged += taken;
  right = right && r.wrong + r.broken == 0 && r.latencies.count() > 0;
  const Row row{r.per_second() * static_cast<double>(shape.batch),
                1e6 * cpu / static_cast<double>(std::max<uint64_t>(taken, 1))};
  if (round > 0) {
    JsonWriter w;
    w.BeginObject().Field("bench", "ingest_http").Field("row", shape.name).Field("round", round);
    w.Field("connections", shape.connections).Field("events_a_request", uint64_t{shape.batch});
    w.Field("event_bytes", uint64_t{kEvent.size()}).Field("acknowledged", taken.load());
    w.Field("events_per_second", row.per_second).Field("server_us_per_event", row.server_us);
    w.Field("p50_ms", r.latencies.Micros(0.5) / 1000);
    w.Field("p99_ms", r.latencies.Micros(0.99) / 1000);
    w.Field("wrong", r.wrong).Field("broken", r.broken).Field("load_average", LoadAverage());
    fmt::print("{}\n", w.EndObject().text());
    std::fflush(stdout);
  }
  return row;
}

struct Machine {
  double sha_us_per_mib = 0;  // of CPU, as the server's figures are
  double sync_us = 0;         // median
};

double MicrosSince(Steady::time_point begun) {
  return std::chrono::duration<double, std::micro>(Steady::now() - begun).count();
}

// What one core and the disk do without us, so that figures of two machines can be divided.
Result<Machine> Calibrate(const std::string& folder, uint64_t round) {
  constexpr int kMebibytes = 128;
  constexpr int kSyncs = 100;
  Machine machine;
  const std::string bytes(size_t{1} << 20, 'x');
  uint8_t last = 0;
  const double cpu = CpuSeconds(::getpid());
  for (int i = 0; i < kMebibytes; ++i) {
    last = static_cast<uint8_t>(last ^ Sha256(bytes)[0]);
  }
  machine.sha_us_per_mib = 1e6 * (CpuSeconds(::getpid()) - cpu) / kMebibytes;
  const std::string path = JoinPath(folder, "calibrate");
  HOEGO_TRY_ASSIGN(const auto file, RealDisk().Open(path, Disk::Mode::kCreate));
  std::vector<double> syncs;
  for (uint64_t i = 0; i < kSyncs; ++i) {
    const auto begun = Steady::now();
    HOEGO_TRY(file->WriteAt(i * 4096, std::string_view(bytes).substr(0, 4096)));
    HOEGO_TRY(file->Sync());
    syncs.push_back(MicrosSince(begun));
  }
  HOEGO_TRY(RealDisk().Remove(path));
  std::nth_element(syncs.begin(), syncs.begin() + kSyncs / 2, syncs.end());
  machine.sync_us = syncs[kSyncs / 2];
  JsonWriter w;
  w.BeginObject().Field("bench", "ingest_http").Field("row", "calibrate").Field("round", round);
  w.Field("sha256_us_per_mib", machine.sha_us_per_mib).Field("sha256_check", uint64_t{last});
  w.Field("sync_4kib_us", machine.sync_us).Field("load_average", LoadAverage());
  fmt::print("{}\n", w.EndObject().text());
  std::fflush(stdout);
  return machine;
}

// What the server says it took.
Result<uint64_t> CountedByServer(uint16_t port) {
  constexpr std::string_view kName = "hoego_event_log_records_total{as=\"accepted\"} ";
  http::ClientOptions options;
  options.port = port;
  HOEGO_TRY_ASSIGN(auto client, http::Client::Connect(options));
  HOEGO_TRY_ASSIGN(const auto metrics, http::Succeeded(client.Request("GET", "/metrics")));
  const size_t at = metrics.body.find(kName);
  if (at == std::string::npos) {
    return Status::NotFound(fmt::format("/metrics has no {}", kName));
  }
  const std::string_view rest = std::string_view(metrics.body).substr(at + kName.size());
  const auto count = ParseDouble(rest.substr(0, rest.find('\n')));
  return static_cast<uint64_t>(count.value_or(0));
}

// What lies on the disk once the server is gone: export ends with "N lines" on standard error.
Result<uint64_t> CountedByExport(const std::string& folder) {
  HOEGO_TRY_ASSIGN(const CommandOutput out,
                   RunHoego({"export", "--data", folder, "--kind", "event", "-o", "/dev/null"}));
  std::string_view text = Trim(out.errors);
  text = text.substr(text.rfind('\n') + 1);
  const auto lines = ParseInt(text.substr(0, text.find(' ')));
  if (!lines) {
    return Status::Internal(fmt::format("hoego export said \"{}\"", text));
  }
  return static_cast<uint64_t>(*lines);
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void PrintSummary(const std::vector<Row>& batches, const std::vector<Row>& singles,
                  const std::vector<Machine>& machine, uint64_t acknowledged) {
  const auto median = [](const auto& rows, auto member) {
    std::vector<double> values;
    for (const auto& row : rows) {
      values.push_back(row.*member);
    }
    return Median(std::move(values));
  };
  JsonWriter w;
  w.BeginObject().Field("bench", "ingest_http").Field("row", "medians");
  w.Field("batches_per_second", median(batches, &Row::per_second));
  w.Field("batches_server_us_per_event", median(batches, &Row::server_us));
  w.Field("singles_per_second", median(singles, &Row::per_second));
  w.Field("singles_server_us_per_event", median(singles, &Row::server_us));
  w.Field("sha256_us_per_mib", median(machine, &Machine::sha_us_per_mib));
  w.Field("sync_4kib_us", median(machine, &Machine::sync_us));
  w.Field("acknowledged_and_exported", acknowledged);
  fmt::print("{}\n", w.EndObject().text());
}

Status Run(milliseconds duration, uint64_t rounds) {
  HOEGO_TRY_ASSIGN(const TempFolder folder, TempFolder::Make("ingest"));
  const std::string data = JoinPath(folder.path(), "data");
  HOEGO_TRY_ASSIGN(ServerProcess server, ServerProcess::Start(data));
  uint64_t acknowledged = 0;
  uint64_t id = 1;
  bool right = true;
  Send(server, kBatches, milliseconds(500), id++, 0, acknowledged, right);  // units, items, memory
  std::vector<Row> batches;
  std::vector<Row> singles;
  std::vector<Machine> machine;
  for (uint64_t round = 1; round <= rounds; ++round) {
    HOEGO_TRY_ASSIGN(const Machine now, Calibrate(folder.path(), round));
    machine.push_back(now);
    batches.push_back(Send(server, kBatches, duration, id++, round, acknowledged, right));
    singles.push_back(Send(server, kSingles, duration, id++, round, acknowledged, right));
  }
  HOEGO_TRY_ASSIGN(const uint64_t counted, CountedByServer(server.port()));
  HOEGO_TRY(server.Stop());
  HOEGO_TRY_ASSIGN(const uint64_t exported, CountedByExport(data));
  PrintSummary(batches, singles, machine, acknowledged);
  if (counted != acknowledged || exported != acknowledged) {
    return Status::DataLoss(
        fmt::format("{} events were acknowledged, the server counted {}, export {}", acknowledged,
                    counted, exported));
  }
  return right ? Status() : Status::Internal("some answers were wrong or did not come");
}

}  // namespace
}  // namespace hoego::bench

int main(int argc, char** argv) {
  const auto number = [&](int i, double fallback) {
    return argc > i ? hoego::ParseDouble(argv[i]).value_or(fallback) : fallback;
  };
  const std::chrono::milliseconds duration(static_cast<int64_t>(number(1, 4) * 1000));
  const hoego::Status status =
      hoego::bench::Run(duration, static_cast<uint64_t>(std::max(number(2, 3), 1.0)));
  if (!status.ok()) {
    fmt::print(stderr, "ingest_http: {}\n", status.ToString());
    return 1;
  }
  return 0;
}
