#pragma once

#include <gtest/gtest.h>

#include <array>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "api/http/internal/raw_peer.h"
#include "api/http/server.h"

namespace hoego::http::internal {

// A server with a few routes and answers that a test hands out itself.
class ServerFixture : public ::testing::Test {
 protected:
  ServerFixture() {
    options_.threads = 2;
    router_.Add("GET", "/hello",
                [](const Request&, Responder r) { r.Send(Json(R"({"hello":1})")); });
    router_.Add("POST", "/echo",
                [](const Request& q, Responder r) { r.Send(Text(std::string(q.body))); });
    router_.Add("POST", "/small",
                [](const Request& q, Responder r) { r.Send(Text(std::string(q.body))); },
                {10, false});
    router_.Add("GET", "/say/{word}",
                [](const Request& q, Responder r) { r.Send(Text(q.params[0])); });
    router_.Add("GET", "/id", [](const Request& q, Responder r) { r.Send(Text(q.request_id)); });
    router_.Add("GET", "/big", [](const Request& q, Responder r) {
      r.Send(Text(std::string(static_cast<size_t>(std::stoul(q.query("n").value_or("0"))), 'x')));
    });
    router_.Add("GET", "/drop", [](const Request&, Responder) {});
    router_.Add("GET", "/throw", [](const Request&, Responder) { throw std::runtime_error("oh"); });
    router_.Add("GET", "/later/{i}", [this](const Request& q, Responder r) {
      held_[static_cast<size_t>(std::stoul(q.params[0]))].set_value(std::move(r));
    });
  }

  void Start() {
    auto server = Server::Start(options_, router_, metrics_);
    ASSERT_TRUE(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
  }
  RawPeer Peer() { return RawPeer(server_->port()); }
  // Waits until the handler of GET /later/i has been called.
  Responder Held(size_t i) { return held_[i].get_future().get(); }
  static std::string Get(std::string_view path) {
    return std::string("GET ").append(path).append(" HTTP/1.1\r\nHost: localhost\r\n\r\n");
  }
  static std::string Post(std::string_view path, std::string_view more, std::string_view body) {
    return fmt::format("POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{}\r\n{}",
                       path, body.size(), more, body);
  }

  ServerOptions options_;
  Router router_;
  Metrics metrics_;
  std::array<std::promise<Responder>, 40> held_;
  std::unique_ptr<Server> server_;
};

}  // namespace hoego::http::internal
