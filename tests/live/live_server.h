#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/client.h"
#include "bad_disk.h"
#include "base/json.h"

namespace hoego::live {

// An empty folder that goes with the object.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string operator/(std::string_view name) const;

 private:
  std::string path_;
};

struct Ran {
  int exit_code = -1;
  std::string out;
  std::string error;  // its last 8 KiB
};
// Runs the real program with these arguments to its end.
Ran RunHoego(std::vector<std::string> args);

// The real program serving a folder on a free port of the loopback.
// Threads: one at a time, but Connect from any while it runs.
class LiveServer {
 public:
  // With `bad_disk` the server runs under bad_disk.cc, told what to do by disk().
  explicit LiveServer(std::string folder, bool bad_disk = false);
  ~LiveServer();  // kills it
  LiveServer(const LiveServer&) = delete;
  LiveServer& operator=(const LiveServer&) = delete;

  void Set(std::string assignment) { settings_.push_back(std::move(assignment)); }  // name=value

  // Returns once it printed its ready line; false, with the log printed, when it ended instead.
  bool Start();
  void Kill();   // SIGKILL, and waits
  int Stop();    // SIGTERM, and waits; its exit code, 128 + signal when it was killed
  void Await();  // waits for an end that comes by itself

  http::Client Connect() const;
  BadDisk& disk() const { return *disk_; }
  std::string log() const;  // its standard error of all starts
  double ready_seconds() const { return ready_seconds_; }

 private:
  const std::string folder_;
  std::vector<std::string> settings_;
  BadDisk* disk_ = nullptr;
  std::string disk_file_;
  pid_t pid_ = -1;
  int status_ = 0;
  uint16_t port_ = 0;
  double ready_seconds_ = 0;
};

// What a test says of an answer's body. Each ends the test with the body printed when it has no
// such field.
class Reply {
 public:
  explicit Reply(const Result<http::Response>& response);
  int status() const { return status_; }  // 0: no answer came
  const std::string& body() const { return body_; }
  int64_t Int(std::string_view field) const;
  std::string Text(std::string_view field) const;
  JsonRef root() const { return root_; }

 private:
  int status_ = 0;
  std::string body_;
  JsonParser parser_;
  JsonRef root_;
};

// Fills `folder` with a few events and `versions` versions of the model films (popularity).
bool TrainFilms(const std::string& folder, int versions);

// Whether the program under test was built with a sanitizer, which wants to be the first library.
bool IsSanitized();

}  // namespace hoego::live
