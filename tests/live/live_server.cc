#include "live_server.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/child.h"
#include "base/clock.h"
#include "base/disk.h"
#include "base/text.h"

extern char** environ;

namespace hoego::live {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return std::move(text).str();
}

// One line, without its end; empty when the other side closed first.
std::string ReadLine(int fd) {
  std::string line;
  char byte;
  while (::read(fd, &byte, 1) == 1 && byte != '\n') {
    line.push_back(byte);
  }
  return line;
}

}  // namespace

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "hoego-live-XXXXXX").string();
  path_ = ::mkdtemp(name.data()) == nullptr ? std::string() : name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::operator/(std::string_view name) const {
  return JoinPath(path_, name);
}

Ran RunHoego(std::vector<std::string> args) {
  ChildOptions options;
  options.argv = std::move(args);
  options.argv.insert(options.argv.begin(), HOEGO_PROGRAM);
  options.nice = 0;
  options.max_line_bytes = 64 << 20;
  Ran ran;
  const auto result = RunChild(options,
                               [&ran](std::string_view line) {
                                 ran.out.append(line);
                                 ran.out.push_back('\n');
                               },
                               {});
  if (result.ok()) {
    ran.exit_code = result->signal == 0 ? result->exit_code : 128 + result->signal;
    ran.error = result->error_tail;
  } else {
    ran.error = result.status().ToString();
  }
  return ran;
}

LiveServer::LiveServer(std::string folder, bool bad_disk) : folder_(std::move(folder)) {
  if (!bad_disk) {
    return;
  }
  disk_file_ = folder_ + ".disk";
  const int fd = ::open(disk_file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || ::ftruncate(fd, sizeof(BadDisk)) != 0) {
    std::abort();
  }
  void* const at = ::mmap(nullptr, sizeof(BadDisk), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  disk_ = static_cast<BadDisk*>(at);
}

LiveServer::~LiveServer() {
  Kill();
  if (disk_ != nullptr) {
    ::munmap(disk_, sizeof(BadDisk));
  }
}

bool LiveServer::Start() {
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) {
    return false;
  }
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, out[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (folder_ + ".log").c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0644);
  std::vector<std::string> args = {HOEGO_PROGRAM, "serve",       "--data", folder_,
                                   "--http",      "127.0.0.1:0", "--grpc", "127.0.0.1:0"};
  for (const std::string& assignment : settings_) {
    args.insert(args.end(), {"--set", assignment});
  }
  std::vector<std::string> env;
  if (disk_ != nullptr) {
    env = {"LD_PRELOAD=" HOEGO_BAD_DISK, std::string(BadDisk::kVariable) + "=" + disk_file_};
  }
  std::vector<char*> argv;
  std::vector<char*> envp;
  for (std::string& arg : args) {
    argv.push_back(arg.data());
  }
  for (char** inherited = environ; *inherited != nullptr; ++inherited) {
    envp.push_back(*inherited);
  }
  for (std::string& variable : env) {
    envp.push_back(variable.data());
  }
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const auto begun = SystemClock::Instance().Monotonic();
  const int failed = ::posix_spawn(&pid_, HOEGO_PROGRAM, &files, nullptr, argv.data(), envp.data());
  posix_spawn_file_actions_destroy(&files);
  ::close(out[1]);
  const std::string line = failed == 0 ? ReadLine(out[0]) : std::string();
  ::close(out[0]);
  ready_seconds_ =
      std::chrono::duration<double>(SystemClock::Instance().Monotonic() - begun).count();
  const size_t at = line.find("http=127.0.0.1:");
  const auto port =
      at == std::string::npos
          ? std::nullopt
          : ParseInt(std::string_view(line).substr(at + 15, line.find(' ', at) - at - 15));
  if (!line.starts_with("ready ") || !port) {
    std::cerr << "no ready line but \"" << line << "\"; its log:\n" << log() << '\n';
    if (failed == 0) {
      Kill();
    }
    pid_ = -1;
    return false;
  }
  port_ = static_cast<uint16_t>(*port);
  return true;
}

void LiveServer::Await() {
  if (pid_ > 0) {
    ::waitpid(pid_, &status_, 0);
    pid_ = -1;
  }
}

void LiveServer::Kill() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    Await();
  }
}

int LiveServer::Stop() {
  if (pid_ <= 0) {
    return -1;
  }
  ::kill(pid_, SIGTERM);
  Await();
  return WIFEXITED(status_) ? WEXITSTATUS(status_) : 128 + WTERMSIG(status_);
}

http::Client LiveServer::Connect() const {
  http::ClientOptions options;
  options.port = port_;
  return http::Client(options);
}

std::string LiveServer::log() const {
  return ReadAll(folder_ + ".log");
}

Reply::Reply(const Result<http::Response>& response) {
  if (!response.ok()) {
    body_ = response.status().ToString();
    return;
  }
  status_ = response->status;
  body_ = response->body;
  if (auto root = parser_.Parse(body_); root.ok()) {
    root_ = *root;
  }
}

int64_t Reply::Int(std::string_view field) const {
  const auto value = root_.is_object() ? root_.Find(field) : std::nullopt;
  const auto number = value ? value->AsInt() : std::nullopt;
  if (!number) {
    std::cerr << "no whole number \"" << field << "\" in " << status_ << ' ' << body_ << '\n';
    std::abort();
  }
  return *number;
}

std::string Reply::Text(std::string_view field) const {
  const auto value = root_.is_object() ? root_.Find(field) : std::nullopt;
  const auto text = value ? value->AsString() : std::nullopt;
  if (!text) {
    std::cerr << "no text \"" << field << "\" in " << status_ << ' ' << body_ << '\n';
    std::abort();
  }
  return std::string(*text);
}

bool TrainFilms(const std::string& folder, int versions) {
  const std::string csv = folder + ".csv";
  {
    std::ofstream file(csv);
    file << "unit,item\n";
    for (int unit = 0; unit < 40; ++unit) {
      for (int k = 0; k < 8; ++k) {
        file << 'u' << unit << ",i" << (unit * 7 + k * k * 3) % 60 << '\n';
      }
    }
  }
  Ran ran = RunHoego({"import", csv, "--data", folder, "--format", "csv", "--type", "watch",
                      "--column", "unit=unit", "--column", "item=item"});
  for (int i = 0; i < versions && ran.exit_code == 0; ++i) {
    ran = RunHoego({"train", "popularity", "--data", folder, "--name", "films"});
  }
  if (ran.exit_code != 0) {
    std::cerr << ran.out << ran.error << '\n';
  }
  return ran.exit_code == 0;
}

bool IsSanitized() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return true;
#else
  return false;
#endif
}

}  // namespace hoego::live
