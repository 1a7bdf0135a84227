#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"

namespace hoego::bench {

// An empty folder below TMPDIR that is removed with the object.
class TempFolder {
 public:
  static Result<TempFolder> Make(const std::string& name);
  TempFolder(TempFolder&& other) noexcept;
  TempFolder& operator=(TempFolder&& other) noexcept;
  ~TempFolder();
  const std::string& path() const { return path_; }

 private:
  explicit TempFolder(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// The server's program: HOEGO_PROGRAM, else `hoego` of the build that this bench belongs to.
std::string ServerProgram();

// Runs `hoego argv…` to its end, at the caller's niceness. Its standard output, and the end of its
// standard error; a failure when it does not exit with 0.
struct CommandOutput {
  std::string output;
  std::string errors;
};
Result<CommandOutput> RunHoego(const std::vector<std::string>& argv);

// `hoego serve` on a folder, as a child process: what it costs is then seen from outside. It dies
// with the thread that started it. Threads: one.
class ServerProcess {
 public:
  // Returns once the server takes requests. Pre: no other thread runs yet.
  static Result<ServerProcess> Start(const std::string& folder);
  ServerProcess(ServerProcess&& other) noexcept;
  ServerProcess& operator=(ServerProcess&& other) noexcept;
  ~ServerProcess();  // kills it when Stop was not called

  Status Stop();  // SIGTERM, and waits; a failure when it does not exit with 0
  pid_t pid() const { return pid_; }
  uint16_t port() const { return port_; }

 private:
  ServerProcess(pid_t pid, int output) : pid_(pid), output_(output) {}
  pid_t pid_ = -1;
  int output_ = -1;  // its standard output
  uint16_t port_ = 0;
};

// The processes that a process has started and that run still, sorted.
std::vector<pid_t> ChildrenOf(pid_t pid);

// Load average of the last minute: other work on the machine shows there.
double LoadAverage();

}  // namespace hoego::bench
