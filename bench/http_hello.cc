// What does one request cost in our HTTP server before any handler does work?
//   http_hello [seconds a row] [server threads]     the server is a child process, its CPU is
//   measured from outside http_hello serve PORT [threads]                 only the server, for
//   another client
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <string>
#include <string_view>

#include "api/http/server.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "http_client.h"

namespace hoego::bench {
namespace {

constexpr std::string_view kBody = R"({"hello":"world"})";

// Serves until its standard input ends. Writes the port to `out`.
int Serve(uint16_t port, int threads, int out) {
  http::Router router;
  router.Add("GET", "/hello", [](const http::Request&, http::Responder r) {
    r.Send(http::Json(std::string(kBody)));
  });
  router.Add("POST", "/echo", [](const http::Request& q, http::Responder r) {
    r.Send(http::Json(std::string(q.body)));
  });
  Metrics metrics;
  http::ServerOptions options;
  options.port = port;
  options.threads = threads;
  const auto server = http::Server::Start(options, router, metrics);
  if (!server.ok()) {
    std::fprintf(stderr, "%s\n", server.status().ToString().c_str());
    return 1;
  }
  const std::string line = fmt::format("{}\n", (*server)->port());
  if (::write(out, line.data(), line.size()) < 0) {
    return 1;
  }
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
  return 0;
}

class Hello final : public LoadWork {
 public:
  void Next(uint64_t, std::string& out) override { out.append(request_); }
  bool Check(uint64_t, int status, std::string_view body) override {
    return status == 200 && body == kBody;
  }

 private:
  const std::string request_ = MakeRequest("GET", "/hello", {});
};

struct Child {
  pid_t pid;
  int keep_alive;  // closing it ends the server
  uint16_t port;
};

// Pre: no thread was started yet.
Child StartServer(int threads) {
  int to_parent[2];
  int to_child[2];
  if (::pipe(to_parent) != 0 || ::pipe(to_child) != 0) {
    return {-1, -1, 0};
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::dup2(to_child[0], STDIN_FILENO);
    ::close(to_child[1]);
    ::_exit(Serve(0, threads, to_parent[1]));
  }
  std::string port;
  char c;
  while (::read(to_parent[0], &c, 1) == 1 && c != '\n') {
    port.push_back(c);
  }
  return {pid, to_child[1], static_cast<uint16_t>(ParseInt(port).value_or(0))};
}

int Measure(double seconds, int threads) {
  const Child server = StartServer(threads);
  if (server.port == 0) {
    std::fprintf(stderr, "http_hello: the server did not start\n");
    return 1;
  }
  fmt::print(
      "{} server threads, {} usable cores, body {} bytes\n{:>11} {:>8} {:>10} {:>9} {:>9} {:>13}\n",
      threads, UsableCores(), kBody.size(), "connections", "pipeline", "requests/s", "p50 us",
      "p99 us", "server us/req");
  bool right = true;
  for (const auto& [connections, pipeline] : {std::pair{1, 1}, {2, 1}, {32, 1}, {64, 1}, {2, 16}}) {
    LoadOptions load;
    load.port = server.port;
    load.connections = connections;
    load.pipeline = pipeline;
    load.warm_up = std::chrono::milliseconds(0);
    load.duration = std::chrono::milliseconds(200);
    RunLoad(load, [](int) { return std::make_unique<Hello>(); });
    load.duration = std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
    const double before = CpuSeconds(server.pid);
    const LoadResult r = RunLoad(load, [](int) { return std::make_unique<Hello>(); });
    const double cpu = CpuSeconds(server.pid) - before;
    fmt::print("{:>11} {:>8} {:>10.0f} {:>9.1f} {:>9.1f} {:>13.2f}\n", connections, pipeline,
               r.per_second(), r.latencies.Micros(0.5), r.latencies.Micros(0.99),
               cpu * 1e6 / static_cast<double>(std::max<uint64_t>(r.latencies.count(), 1)));
    right = right && r.wrong + r.broken == 0 && r.latencies.count() > 0;
  }
  ::close(server.keep_alive);
  int status = 0;
  ::waitpid(server.pid, &status, 0);
  return right && status == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hoego::bench

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  const auto number = [&](int i, double fallback) {
    return argc > i ? hoego::ParseDouble(argv[i]).value_or(fallback) : fallback;
  };
  if (argc > 1 && std::string_view(argv[1]) == "serve") {
    return hoego::bench::Serve(static_cast<uint16_t>(number(2, 8080)),
                               static_cast<int>(number(3, 1)), STDOUT_FILENO);
  }
  return hoego::bench::Measure(number(1, 2), static_cast<int>(number(2, 1)));
}
