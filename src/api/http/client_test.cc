#include "api/http/client.h"

#include <gtest/gtest.h>

#include <thread>

#include "api/http/internal/server_fixture.h"

namespace hoego::http {
namespace {

using std::chrono::milliseconds;

// A listener that answers with the bytes a test gives it, connection by connection.
class Scripted {
 public:
  explicit Scripted(std::vector<std::string> answers) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    void* raw = &address;
    ::bind(fd_, static_cast<sockaddr*>(raw), sizeof address);
    ::listen(fd_, 8);
    socklen_t size = sizeof address;
    ::getsockname(fd_, static_cast<sockaddr*>(raw), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, all = std::move(answers)] {
      for (const std::string& answer : all) {
        const int peer = ::accept(fd_, nullptr, nullptr);
        char bytes[4096];
        seen_ += ::recv(peer, bytes, sizeof bytes, 0) > 0 ? 1 : 0;
        ::send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
        ::close(peer);
      }
    });
  }
  ~Scripted() {
    thread_.join();
    ::close(fd_);
  }
  uint16_t port() const { return port_; }

 private:
  int fd_ = -1;
  int seen_ = 0;
  uint16_t port_ = 0;
  std::thread thread_;
};

TEST(ClientTest, ReadsEveryFramingOfAnAnswer) {
  Scripted server(
      {"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
       "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n"});
  std::vector<std::string> bodies;
  for (int i = 0; i < 4; ++i) {
    Client client({.port = server.port()});
    const auto response = client.Request("GET", "/");
    ASSERT_TRUE(response.ok()) << response.status().ToString();
    bodies.push_back(response->body);
  }
  EXPECT_EQ(bodies, (std::vector<std::string>{"abc", "abc", "until the end", ""}));
}

TEST(ClientTest, SaysWhatIsWrongWithAnAnswer) {
  Scripted server({"", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "SSH-2.0-x\r\n\r\n",
                   "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                   "HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"});
  std::vector<Code> codes;
  for (int i = 0; i < 6; ++i) {
    Client client({.port = server.port(), .max_body_bytes = 100});
    codes.push_back(client.Request("POST", "/", "{}").status().code());
  }
  EXPECT_EQ(codes, (std::vector<Code>{Code::kUnavailable, Code::kUnavailable, Code::kDataLoss,
                                      Code::kDataLoss, Code::kDataLoss, Code::kOutOfRange}));
}

TEST(ClientTest, RepeatsOnlyWhatMayBeRepeatedOnAReusedConnection) {
  const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  {
    Scripted server({ok, ok});  // each closes after its answer without having said so
    Client client({.port = server.port()});
    EXPECT_TRUE(client.Request("GET", "/").ok());
    EXPECT_TRUE(client.Request("GET", "/").ok());
  }
  Scripted server({ok});
  Client client({.port = server.port()});
  EXPECT_TRUE(client.Request("GET", "/").ok());
  EXPECT_EQ(client.Request("POST", "/", "{}").status().code(), Code::kUnavailable);
}

class ClientServerTest : public internal::ServerFixture {};

TEST_F(ClientServerTest, TimesOutAndGoesOnWithANewConnection) {
  Start();
  Client client({.port = server_->port(), .timeout = milliseconds(40)});
  const auto late = client.Request("GET", "/later/0");
  EXPECT_EQ(late.status().code(), Code::kDeadlineExceeded);
  client.set_timeout(milliseconds(30'000));
  const auto next = client.Request("GET", "/say/x");
  ASSERT_TRUE(next.ok()) << next.status().ToString();
  EXPECT_EQ(next->body, "x");
  Held(0).Send(Text("late"));
}

TEST_F(ClientServerTest, ReadsEventsAndProblems) {
  router_.Add("GET", "/events", [](const Request&, Responder r) {
    const auto stream = r.StartEventStream();
    for (int i = 0; i < 3; ++i) {
      stream->Send(i == 1 ? "odd" : "", "line\n" + std::to_string(i), std::to_string(i));
    }
  });
  Start();
  Client client({.host = "localhost", .port = server_->port()});
  std::string seen;
  const Status status = client.Events("/events", [&](const ServerEvent& event) {
    seen += event.event + "/" + event.data + "/" + event.id + ";";
    return true;
  });
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_EQ(seen, "message/line\n0/0;odd/line\n1/1;message/line\n2/2;");
  const Status none = client.Events("/none", [](const ServerEvent&) { return true; });
  EXPECT_EQ(none.code(), Code::kNotFound);
  EXPECT_NE(none.message().find("no such path"), std::string::npos);
  const auto wrong = Succeeded(client.Request("POST", "/small", "12345678901"));
  EXPECT_EQ(wrong.status().code(), Code::kInvalidArgument);
}

TEST_F(ClientServerTest, SaysWhenNobodyListens) {
  Start();
  const uint16_t port = server_->port();
  server_.reset();
  const auto client = Client::Connect({.port = port});
  EXPECT_EQ(client.status().code(), Code::kUnavailable);
  EXPECT_NE(client.status().message().find(std::to_string(port)), std::string::npos);
}

}  // namespace
}  // namespace hoego::http
