// How many requests a second does a server take, and how late are its answers?
//   http_load --port 8080 --path /health --connections 32 [--threads 2] [--pipeline 4] [--seconds
//   5] [--rate 2000]
//             [--method POST --body '{"unit":"u1"}'] [--header 'Name: value'] [--expect 200]
// One line of JSON on standard output. With --rate latency counts from when a request was due.
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "base/text.h"
#include "http_client.h"

namespace hoego::bench {
namespace {

struct Arguments {
  LoadOptions load;
  std::string method = "GET";
  std::string path = "/";
  std::string body;
  std::string headers;
  int expect = 200;
};

class SameRequest final : public LoadWork {
 public:
  explicit SameRequest(const Arguments& a)
      : request_(MakeRequest(a.method, a.path, a.body, a.headers)), expect_(a.expect) {}
  void Next(uint64_t, std::string& out) override { out.append(request_); }
  bool Check(uint64_t, int status, std::string_view) override { return status == expect_; }

 private:
  const std::string request_;
  const int expect_;
};

// False for an unknown name or a value that is none.
bool Take(std::string_view name, std::string_view value, Arguments& a) {
  const auto number = ParseDouble(value);
  const int n = static_cast<int>(number.value_or(0));
  if (name == "--method") {
    a.method = value;
  } else if (name == "--path") {
    a.path = value;
  } else if (name == "--body") {
    a.body = value;
  } else if (name == "--header") {
    a.headers.append(value).append("\r\n");
  } else if (!number) {
    return false;
  } else if (name == "--port") {
    a.load.port = static_cast<uint16_t>(n);
  } else if (name == "--connections") {
    a.load.connections = n;
  } else if (name == "--threads") {
    a.load.threads = n;
  } else if (name == "--pipeline") {
    a.load.pipeline = n;
  } else if (name == "--seconds") {
    a.load.duration = std::chrono::milliseconds(static_cast<int64_t>(*number * 1000));
  } else if (name == "--rate") {
    a.load.rate = *number;
  } else if (name == "--expect") {
    a.expect = n;
  } else {
    return false;
  }
  return true;
}

int Main(int argc, char** argv) {
  Arguments a;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc || !Take(argv[i], argv[i + 1], a)) {
      std::fprintf(stderr, "http_load: wrong argument %s; see the top of bench/http_load.cc\n",
                   argv[i]);
      return 2;
    }
  }
  if (a.load.port == 0) {
    std::fprintf(stderr, "http_load: --port is needed\n");
    return 2;
  }
  const LoadResult r = RunLoad(a.load, [&](int) { return std::make_unique<SameRequest>(a); });
  fmt::print(
      "{{\"connections\":{},\"requests\":{},\"seconds\":{:.3f},\"per_second\":{:.0f},\"p50_us\":{:."
      "1f},"
      "\"p99_us\":{:.1f},\"max_us\":{:.1f},\"wrong\":{},\"broken\":{}}}\n",
      a.load.connections, r.latencies.count(), r.seconds, r.per_second(), r.latencies.Micros(0.5),
      r.latencies.Micros(0.99), r.latencies.max_micros(), r.wrong, r.broken);
  return r.wrong + r.broken == 0 && r.latencies.count() > 0 ? 0 : 1;
}

}  // namespace
}  // namespace hoego::bench

int main(int argc, char** argv) {
  return hoego::bench::Main(argc, argv);
}
