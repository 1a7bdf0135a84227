#include "server_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "base/child.h"
#include "base/text.h"

namespace hoego::bench {
namespace {

namespace fs = std::filesystem;

Status Failed(std::string_view what) {
  return Status::Internal(fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<TempFolder> TempFolder::Make(const std::string& name) {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  std::string path = (parent / ("hoego-" + name + "-XXXXXX")).string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return Failed("make a folder below " + parent.string());
  }
  return TempFolder(std::move(path));
}

TempFolder::TempFolder(TempFolder&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempFolder& TempFolder::operator=(TempFolder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempFolder::~TempFolder() {
  if (!path_.empty()) {
    std::error_code error;
    fs::remove_all(path_, error);
  }
}

std::string ServerProgram() {
  if (const char* named = std::getenv("HOEGO_PROGRAM"); named != nullptr) {
    return named;
  }
  std::error_code error;
  const fs::path self = fs::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "hoego").string();
}

Result<CommandOutput> RunHoego(const std::vector<std::string>& argv) {
  ChildOptions options;
  options.argv = {ServerProgram()};
  options.argv.insert(options.argv.end(), argv.begin(), argv.end());
  options.nice = 0;
  CommandOutput out;
  HOEGO_TRY_ASSIGN(
      ChildResult ended,
      RunChild(options, [&out](std::string_view line) { out.output.append(line).append("\n"); },
               {}));
  if (ended.exit_code != 0 || ended.signal != 0) {
    return Status::Internal(
        fmt::format("hoego {}: {}; {}", argv.front(), ended.Describe(), ended.error_tail));
  }
  out.errors = std::move(ended.error_tail);
  return out;
}

Result<ServerProcess> ServerProcess::Start(const std::string& folder) {
  std::vector<std::string> words = {ServerProgram(), "serve",       "--data", folder,
                                    "--http",        "127.0.0.1:0", "--set",  "log.level=warning"};
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Failed("make a pipe");
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(ends[1], STDOUT_FILENO);
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(ends[1]);
  if (pid < 0) {
    ::close(ends[0]);
    return Failed("fork");
  }
  ServerProcess server(pid, ends[0]);
  std::string line;
  char c = 0;
  while (::read(server.output_, &c, 1) == 1 && c != '\n') {
    line.push_back(c);
  }
  const size_t colon = line.rfind(':');  // ready http=127.0.0.1:PORT grpc=none
  const std::string_view rest =
      colon == std::string::npos ? std::string_view() : std::string_view(line).substr(colon + 1);
  const auto port = ParseInt(rest.substr(0, rest.find(' ')));
  if (!line.starts_with("ready http=") || !port) {
    return Status::Unavailable(fmt::format("{} did not get ready; it said \"{}\"", words[0], line));
  }
  server.port_ = static_cast<uint16_t>(*port);
  return server;
}

ServerProcess::ServerProcess(ServerProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      output_(std::exchange(other.output_, -1)),
      port_(other.port_) {}

ServerProcess& ServerProcess::operator=(ServerProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(output_, other.output_);
  std::swap(port_, other.port_);
  return *this;
}

ServerProcess::~ServerProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  if (output_ >= 0) {
    ::close(output_);
  }
}

Status ServerProcess::Stop() {
  ::kill(pid_, SIGTERM);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0
             ? Status()
             : Status::Internal(fmt::format("the server ended with status {}", status));
}

std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::vector<pid_t> children;
  std::error_code error;
  for (const auto& task : fs::directory_iterator(fmt::format("/proc/{}/task", pid), error)) {
    std::ifstream list(task.path() / "children");
    for (pid_t child = 0; list >> child;) {
      children.push_back(child);
    }
  }
  std::sort(children.begin(), children.end());
  return children;
}

double LoadAverage() {
  double minute = -1;
  return ::getloadavg(&minute, 1) == 1 ? minute : -1;
}

}  // namespace hoego::bench
