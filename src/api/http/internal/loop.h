#pragma once

#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "api/http/internal/asio.h"
#include "api/http/internal/core.h"
#include "api/http/internal/exchange.h"
#include "base/mutex.h"

namespace hoego::http::internal {

class Connection;

// One thread of the server with the connections that live on it.
//
// Life: made and stopped by the Server; the object stays as long as a connection object does, since
// a Responder may hold one. Threads: Post and IsHere from any; Start and Stop from the Server's;
// the rest on its own.
class Loop : public std::enable_shared_from_this<Loop> {
 public:
  Loop(std::shared_ptr<Core> core, int number);
  ~Loop();

  void Start();
  // Cuts every connection, lets nothing more in, and joins. Pre: not on its own thread.
  void Stop();
  // Runs `work` on this thread soon. False once it was stopped: the work is dropped.
  bool Post(std::function<void()> work);
  bool IsHere() const;

  boost::asio::io_context& io() { return io_; }
  Core& core() { return *core_; }

  // Takes a freshly accepted socket. `over_limit`: only to say 503.
  void Adopt(int fd, bool over_limit);
  void Remove(Connection& connection);
  void BeginDrain();

  std::unique_ptr<Exchange> TakeExchange();
  void GiveBack(std::unique_ptr<Exchange> exchange);
  std::string_view date();  // of an answer; made once a second

 private:
  void Run();
  void RunInbox();
  void StartTicking();
  void Tick();

  const std::shared_ptr<Core> core_;
  const int number_;
  const std::chrono::milliseconds tick_;
  boost::asio::io_context io_;
  boost::asio::executor_work_guard<Executor> work_;
  Timer timer_;
  bool ticking_ = false;
  bool draining_ = false;
  std::vector<std::shared_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Exchange>> pool_;
  std::time_t date_second_ = 0;
  std::string date_;

  Mutex mu_;
  std::vector<std::function<void()>> inbox_ GUARDED_BY(mu_);
  bool stopped_ GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace hoego::http::internal
