#pragma once

#include <memory>
#include <vector>

#include "api/http/internal/asio.h"
#include "api/http/internal/loop.h"
#include "base/status.h"

namespace hoego::http::internal {

// Accepts on the first loop's thread and deals the sockets out to all loops in turn.
//
// Life: opened before the loops start; closed on the first loop's thread.
class Listener {
 public:
  explicit Listener(std::vector<std::shared_ptr<Loop>> loops);
  ~Listener();

  Status Open(const std::string& address, uint16_t port);
  void Start();
  void Close();
  boost::asio::ip::tcp::endpoint endpoint() const { return endpoint_; }

 private:
  void WaitForMore();
  void AcceptAll();
  void Deal(int fd);
  void ShedOne();  // no descriptor left: take one connection with the spare and close it

  const std::vector<std::shared_ptr<Loop>> loops_;
  Acceptor acceptor_;
  boost::asio::ip::tcp::endpoint endpoint_;
  size_t next_ = 0;
  int spare_ = -1;
};

}  // namespace hoego::http::internal
