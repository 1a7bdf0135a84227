#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "latencies.h"

namespace hoego::bench {

struct LoadOptions {
  uint16_t port = 0;  // on 127.0.0.1
  int connections = 1;
  int threads = 1;
  int pipeline = 1;  // requests of one connection under way at once
  std::chrono::milliseconds warm_up{300};
  std::chrono::milliseconds duration{3000};
  uint64_t most = 0;  // ends after so many answers; 0: by time alone
  // After the end, answers that are still under way are waited for so long; they are checked, but
  // count in no latency and no rate. 0: they are dropped.
  std::chrono::milliseconds drain{0};
  // Requests a second over all connections, sent by the clock whether or not answers come (open
  // loop): latency counts from when a request was due, so a stall is not hidden by waiting for it.
  // 0: as fast as answers come (closed loop).
  double rate = 0;
};

// What is asked, and whether the answer is right. One object a thread, made by the factory.
class LoadWork {
 public:
  virtual ~LoadWork() = default;
  // Appends one whole request to `out`. `number` counts up a thread.
  virtual void Next(uint64_t number, std::string& out) = 0;
  virtual bool Check(uint64_t number, int status, std::string_view body) = 0;
};
using WorkFactory = std::function<std::unique_ptr<LoadWork>(int thread)>;

struct LoadResult {
  Latencies latencies;  // of the answers in the measured time
  uint64_t wrong = 0;   // of them: not as Check wants
  uint64_t broken = 0;  // connections that ended or never came about
  double seconds = 0;
  double per_second() const { return static_cast<double>(latencies.count()) / seconds; }
};

// One request with its head and body as text.
std::string MakeRequest(std::string_view method, std::string_view target, std::string_view body,
                        std::string_view more_headers = {});

// Runs the load and waits for it. Connections and rate are split evenly over the threads.
LoadResult RunLoad(const LoadOptions& options, const WorkFactory& factory);

// The CPU a process has used so far, all threads; -1 when it is gone.
double CpuSeconds(int pid);

}  // namespace hoego::bench
