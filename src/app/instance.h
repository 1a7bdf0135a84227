#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "app/commands.h"
#include "base/settings.h"
#include "base/status.h"

namespace hoego::http {
class Router;
class Server;
}  // namespace hoego::http
namespace hoego::events {
class EventStore;
}
namespace hoego::registry {
class Registry;
}
namespace hoego::loop {
class Loops;
}
namespace hoego::serving {
class Endpoints;
}
namespace hoego::abtest {
class Tests;
}
namespace hoego::tracking {
class Tracking;
}
namespace hoego::storage {
class BlobStore;
class Database;
}  // namespace hoego::storage

namespace hoego::app {

// What an instance is opened for: a command that only reads needs no serving threads.
struct InstanceOptions {
  std::string program;      // our own executable, for training children
  std::string folder;
  std::string model;            // name that a loop gives its first model; empty: ENDPOINT-model
  std::string note;             // stands in retrospectives
  bool serving = true;          // endpoints, tests and loops run
};

// A folder, opened: every room made, folded from the log and wired to the others. One process a folder (FolderLock).
// Life: Open, then perhaps Listen; Shutdown drains and is called by the destructor.
// Threads: Open and Shutdown from one thread; the rooms as they say.
class Instance {
 public:
  static Result<std::unique_ptr<Instance>> Open(const InstanceOptions& options, const Settings& settings);
  ~Instance();

  // Serves HTTP at ADDRESS:PORT and goes on with interrupted cycles. Answers the address as "127.0.0.1:7070".
  Result<std::string> Listen(const std::string& address);
  // Answers what is in flight, writes what is queued, stops every thread. A second call does nothing.
  void Shutdown();

  events::EventStore& store();
  storage::BlobStore& blobs();
  storage::Database& database();
  tracking::Tracking& tracking();
  registry::Registry& registry();
  serving::Endpoints& endpoints();  // Pre for these three: opened with serving
  abtest::Tests& tests();
  loop::Loops& loops();

 private:
  struct Parts;
  explicit Instance(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// The settings of a command line: --config first, then each --set.
Result<Settings> ReadSettings(const Common& common);

// "127.0.0.1:7070" → address and port. InvalidArgument with what was expected.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
Result<HostPort> ParseHostPort(std::string_view text);

}  // namespace hoego::app
