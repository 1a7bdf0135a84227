#include "api/http/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "api/http/client.h"
#include "api/http/internal/server_fixture.h"
#include "base/line_reader.h"

namespace hoego::http {
namespace {

using internal::RawPeer;
using std::chrono::milliseconds;

using ServerTest = internal::ServerFixture;

TEST_F(ServerTest, AnswersAndKeepsTheConnection) {
  Start();
  RawPeer peer = Peer();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(peer.Send(Get("/hello")));
    const RawPeer::Answer answer = peer.Read();
    EXPECT_EQ(answer.status, 200);
    EXPECT_EQ(answer.body, R"({"hello":1})");
    EXPECT_EQ(answer.field("Server"), "hoego");
    EXPECT_EQ(answer.field("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.field("Content-Type"), "application/json");
    EXPECT_EQ(answer.field("X-Request-ID").size(), 36u);
    EXPECT_EQ(answer.field("Date").size(), 29u);
    EXPECT_FALSE(answer.closed);
  }
}

TEST_F(ServerTest, ClosesWhenTheClientAsks) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send("GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
  EXPECT_TRUE(peer.Read().closed);
  EXPECT_TRUE(peer.AtEnd());
  RawPeer old = Peer();
  ASSERT_TRUE(old.Send("GET /hello HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(old.Read().closed);
  EXPECT_TRUE(old.AtEnd());
}

TEST_F(ServerTest, AnswersHalfClosedClients) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/later/0") + Get("/hello")));
  peer.ShutdownWrite();
  Responder held = Held(0);
  held.Send(Text("late"));
  EXPECT_EQ(peer.Read().body, "late");
  EXPECT_EQ(peer.Read().body, R"({"hello":1})");
  EXPECT_TRUE(peer.AtEnd());
}

TEST_F(ServerTest, AnswersPipelinedRequestsInTheirOrder) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/later/0") + Get("/hello") + Get("/later/1") + Get("/say/x")));
  Responder first = Held(0);
  Responder second = Held(1);
  std::thread([&] { second.Send(Text("second")); }).join();
  std::thread([&] { first.Send(Text("first")); }).join();
  EXPECT_EQ(peer.Read().body, "first");
  EXPECT_EQ(peer.Read().body, R"({"hello":1})");
  EXPECT_EQ(peer.Read().body, "second");
  EXPECT_EQ(peer.Read().body, "x");
}

TEST_F(ServerTest, TakesNoMoreThanItsPipelineUntilAnAnswerWasGiven) {
  options_.max_pipelined = 4;
  Start();
  RawPeer peer = Peer();
  std::string all;
  for (int i = 0; i < 9; ++i) {
    all += Get("/later/" + std::to_string(i));
  }
  ASSERT_TRUE(peer.Send(all));
  std::vector<Responder> held;
  for (size_t i = 0; i < 4; ++i) {
    held.push_back(Held(i));
  }
  auto fifth = held_[4].get_future();
  // The connection's thread answers another client of the same thread afterwards, so it had its
  // chance.
  for (int i = 0; i < 2; ++i) {
    RawPeer other = Peer();
    ASSERT_TRUE(other.Send(Get("/hello")));
    EXPECT_EQ(other.Read().status, 200);
  }
  EXPECT_EQ(fifth.wait_for(milliseconds(0)), std::future_status::timeout);
  held[0].Send(Text("0"));
  EXPECT_EQ(peer.Read().body, "0");
  Responder now = fifth.get();
  for (size_t i = 1; i < 4; ++i) {
    held[i].Send(Text(std::to_string(i)));
  }
  now.Send(Text("4"));
  for (size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(peer.Read().body, std::to_string(i));
  }
}

TEST_F(ServerTest, TakesManyPipelinedRequestsAtOnce) {
  Start();
  RawPeer peer = Peer();
  std::string all;
  for (int i = 0; i < 500; ++i) {
    all += Get("/say/" + std::to_string(i));
  }
  std::thread writer([&] { EXPECT_TRUE(peer.Send(all)); });
  for (int i = 0; i < 500; ++i) {
    ASSERT_EQ(peer.Read().body, std::to_string(i));
  }
  writer.join();
}

TEST_F(ServerTest, TakesBodiesOfEveryFraming) {
  Start();
  RawPeer peer = Peer();
  const std::string large(300'000, 'b');
  ASSERT_TRUE(peer.Send(Post("/echo", "", "abc")));
  EXPECT_EQ(peer.Read().body, "abc");
  ASSERT_TRUE(peer.Send(Post("/echo", "", large)));
  EXPECT_EQ(peer.Read().body, large);
  ASSERT_TRUE(
      peer.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                "3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"));
  EXPECT_EQ(peer.Read().body, "abcde");
  ASSERT_TRUE(peer.Send(Post("/echo", "", "")));
  EXPECT_EQ(peer.Read().status, 200);
  ASSERT_TRUE(peer.Send(Post("/echo", "Content-Encoding: gzip\r\n", GzipCompress(large))));
  EXPECT_EQ(peer.Read().body, large);
  ASSERT_TRUE(peer.Send(Post("/echo", "Content-Encoding: identity\r\n", "plain")));
  EXPECT_EQ(peer.Read().body, "plain");
}

TEST_F(ServerTest, SaysContinueBeforeABodyThatWaitsForIt) {
  Start();
  RawPeer peer = Peer();
  const std::string head =
      "POST /echo HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n";
  ASSERT_TRUE(peer.Send(head));
  EXPECT_EQ(peer.Read().status, 100);
  ASSERT_TRUE(peer.Send("abc"));
  EXPECT_EQ(peer.Read().body, "abc");
  ASSERT_TRUE(peer.Send(head + "def"));
  EXPECT_EQ(peer.Read().body, "def");
  // A refusal comes instead of 100.
  ASSERT_TRUE(
      peer.Send("POST /small HTTP/1.1\r\nHost: localhost\r\nExpect: "
                "100-continue\r\nContent-Length: 11\r\n\r\n"));
  const RawPeer::Answer refused = peer.Read();
  EXPECT_EQ(refused.status, 413);
  EXPECT_TRUE(refused.closed);
}

TEST_F(ServerTest, AnswersHeadWithoutABodyAndOptionsWithAllow) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send("HEAD /hello HTTP/1.1\r\nHost: localhost\r\n\r\n" + Get("/hello")));
  const RawPeer::Answer head = peer.Read(true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Length"), "11");
  EXPECT_EQ(peer.Read().body, R"({"hello":1})");
  ASSERT_TRUE(peer.Send("OPTIONS /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const RawPeer::Answer options = peer.Read();
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(options.field("Content-Length"), "");
  ASSERT_TRUE(peer.Send("OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_EQ(peer.Read().status, 204);
  ASSERT_TRUE(peer.Send("DELETE /hello HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  const RawPeer::Answer wrong = peer.Read();
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.field("Allow"), "GET, HEAD, OPTIONS");
  EXPECT_EQ(wrong.field("Content-Type"), "application/problem+json");
}

TEST_F(ServerTest, EchoesGoodRequestIdsAndReplacesTheRest) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send("GET /id HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: r-1\r\n\r\n"));
  const RawPeer::Answer good = peer.Read();
  EXPECT_EQ(good.field("X-Request-ID"), "r-1");
  EXPECT_EQ(good.body, "r-1");
  ASSERT_TRUE(peer.Send("GET /id HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: a b\r\n\r\n"));
  const RawPeer::Answer bad = peer.Read();
  EXPECT_EQ(bad.field("X-Request-ID").size(), 36u);
  EXPECT_EQ(bad.body, bad.field("X-Request-ID"));
}

TEST_F(ServerTest, RefusesForeignHostsAndOriginsAndGoesOn) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send("GET /hello HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
  EXPECT_EQ(peer.Read().status, 421);
  ASSERT_TRUE(peer.Send("GET /hello HTTP/1.1\r\n\r\n"));
  EXPECT_EQ(peer.Read().status, 400);
  ASSERT_TRUE(peer.Send(Post("/echo", "Origin: http://evil.example\r\n", "change")));
  const RawPeer::Answer answer = peer.Read();
  EXPECT_EQ(answer.status, 403);
  EXPECT_FALSE(answer.closed);
  ASSERT_TRUE(peer.Send(Post("/echo", "Origin: http://localhost\r\n", "change")));
  EXPECT_EQ(peer.Read().body, "change");
  ASSERT_TRUE(peer.Send("GET http://127.0.0.1:1/say/x HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  EXPECT_EQ(peer.Read().body, "x");
}

TEST_F(ServerTest, BoundsBodiesBeforeAndAfterUnpacking) {
  options_.max_body_bytes = 100'000;
  Start();
  {
    RawPeer peer = Peer();
    ASSERT_TRUE(peer.Send(Post("/small", "", "0123456789a")));
    const RawPeer::Answer answer = peer.Read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
    ASSERT_TRUE(peer.Send(Post("/small", "", "0123456789")));
    EXPECT_EQ(peer.Read().body, "0123456789");
    // A bomb: 10 MB of zeros in 10 kB.
    ASSERT_TRUE(peer.Send(
        Post("/echo", "Content-Encoding: gzip\r\n", GzipCompress(std::string(10'000'000, '\0')))));
    EXPECT_EQ(peer.Read().status, 413);
    ASSERT_TRUE(peer.Send(Post("/echo", "Content-Encoding: gzip\r\n", "not gzip")));
    EXPECT_EQ(peer.Read().status, 400);
    ASSERT_TRUE(peer.Send(Post("/echo", "Content-Encoding: br\r\n", "x")));
    EXPECT_EQ(peer.Read().status, 415);
    ASSERT_TRUE(peer.Send(Get("/hello")));
    EXPECT_EQ(peer.Read().status, 200);
  }
  {
    RawPeer peer = Peer();
    peer.Send(Post("/echo", "", std::string(3'000'000, 'x')));
    const RawPeer::Answer answer = peer.Read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(answer.closed);
  }
  {
    RawPeer peer = Peer();
    ASSERT_TRUE(
        peer.Send("POST /small HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "6\r\n012345\r\n5\r\n6789a\r\n0\r\n\r\n"));
    const RawPeer::Answer answer = peer.Read();
    EXPECT_EQ(answer.status, 413);
    EXPECT_TRUE(answer.closed);
    EXPECT_TRUE(peer.AtEnd());
  }
}

TEST_F(ServerTest, BoundsTheBodiesOfAllRequestsTogether) {
  options_.max_body_bytes = 1000;
  options_.max_in_flight_body_bytes = 1000;
  router_.Add("POST", "/hold", [this](const Request& q, Responder r) {
    held_[static_cast<size_t>(std::stoul(q.query("i").value_or("0")))].set_value(std::move(r));
  });
  Start();
  RawPeer first = Peer();
  ASSERT_TRUE(first.Send(Post("/hold?i=0", "", std::string(900, 'a'))));
  Responder held = Held(0);
  RawPeer second = Peer();
  ASSERT_TRUE(second.Send(Post("/echo", "", std::string(200, 'a'))));
  const RawPeer::Answer refused = second.Read();
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.closed);
  held.Send(Text("done"));
  EXPECT_EQ(first.Read().body, "done");
  RawPeer third = Peer();
  ASSERT_TRUE(third.Send(Post("/echo", "", std::string(200, 'a'))));
  EXPECT_EQ(third.Read().status, 200);
}

TEST_F(ServerTest, BoundsConnections) {
  options_.max_connections = 2;
  Start();
  RawPeer a = Peer();
  RawPeer b = Peer();
  for (RawPeer* peer : {&a, &b}) {
    ASSERT_TRUE(peer->Send(Get("/hello")));
    EXPECT_EQ(peer->Read().status, 200);
  }
  RawPeer c = Peer();
  c.Send(Get("/hello"));
  const RawPeer::Answer answer = c.Read();
  EXPECT_EQ(answer.status, 503);
  EXPECT_TRUE(answer.closed);
  EXPECT_TRUE(c.AtEnd());
  ASSERT_TRUE(a.Send(Get("/hello")));
  EXPECT_EQ(a.Read().status, 200);
}

TEST_F(ServerTest, RefusesMalformedRequestsWithAProblemAndCloses) {
  Start();
  const std::pair<int, std::string> cases[] = {
      {400, "GET / HTTP/1.1\nHost: localhost\n\n"},
      {400, "GET /a%00b HTTP/1.1\r\nHost: localhost\r\n\r\n"},
      {400, std::string("GET /a\0b HTTP/1.1\r\nHost: localhost\r\n\r\n", 38)},
      {400,
       "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nTransfer-Encoding: "
       "chunked\r\n\r\nabc"},
      {400, "POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"},
      {431, "GET /hello HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(20'000, 'x')},
      {414, "GET /" + std::string(20'000, 'x')},
      {505, "GET / HTTP/3.0\r\n\r\n"},
  };
  for (const auto& [status, bytes] : cases) {
    RawPeer peer = Peer();
    peer.Send(Get("/say/before") + bytes + Get("/say/after"));
    EXPECT_EQ(peer.Read().body, "before");
    const RawPeer::Answer answer = peer.Read();
    EXPECT_EQ(answer.status, status) << bytes.substr(0, 80);
    EXPECT_EQ(answer.field("Content-Type"), "application/problem+json");
    if (answer.closed) {
      EXPECT_TRUE(peer.AtEnd()) << bytes.substr(0, 80);
    } else {
      EXPECT_EQ(peer.Read().body, "after");  // the framing was sound: only the path was refused
    }
  }
}

TEST_F(ServerTest, AnswersDroppedAndThrowingHandlersWith500) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/drop") + Get("/throw") + Get("/hello")));
  EXPECT_EQ(peer.Read().status, 500);
  EXPECT_EQ(peer.Read().status, 500);
  EXPECT_EQ(peer.Read().status, 200);
}

TEST_F(ServerTest, GzipsLargeAnswersWhenAsked) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(
      peer.Send("GET /big?n=5000 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"));
  const RawPeer::Answer packed = peer.Read();
  EXPECT_EQ(packed.field("Content-Encoding"), "gzip");
  EXPECT_EQ(packed.field("Vary"), "Accept-Encoding");
  EXPECT_EQ(*GzipDecompress(packed.body, 1 << 20), std::string(5000, 'x'));
  ASSERT_TRUE(peer.Send(Get("/big?n=5000")));
  EXPECT_EQ(peer.Read().body.size(), 5000u);
}

TEST_F(ServerTest, WritesAnswersThatAreLargerThanTheSocketTakesAtOnce) {
  Start();
  RawPeer peer(server_->port(), 65536);
  ASSERT_TRUE(peer.Send(Get("/big?n=5000000") + Get("/hello") + Get("/big?n=300000")));
  EXPECT_EQ(peer.Read().body, std::string(5'000'000, 'x'));
  EXPECT_EQ(peer.Read().status, 200);
  EXPECT_EQ(peer.Read().body.size(), 300'000u);
}

TEST_F(ServerTest, TellsTheHandlerThatTheClientIsGone) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/later/0")));
  Responder held = Held(0);
  EXPECT_FALSE(held.cancelled());
  peer.Reset();
  while (!held.cancelled()) {  // ends by itself: the server's thread sees the reset
    std::this_thread::yield();
  }
  held.Send(Text("nobody"));
  RawPeer other = Peer();
  ASSERT_TRUE(other.Send(Get("/hello")));
  EXPECT_EQ(other.Read().status, 200);
}

TEST_F(ServerTest, ServesManyClientsAtOnce) {
  Start();
  std::atomic<int> wrong{0};
  std::vector<std::thread> clients;
  for (int t = 0; t < 8; ++t) {
    clients.emplace_back([&, t] {
      Client client({.port = server_->port()});
      for (int i = 0; i < 100; ++i) {
        const std::string word = std::to_string(t) + "-" + std::to_string(i);
        const auto got = client.Request("GET", "/say/" + word);
        const auto echo =
            client.Request("POST", "/echo", std::string(static_cast<size_t>(i) * 97, 'e'));
        wrong += got.ok() && got->body == word && echo.ok() &&
                         echo->body.size() == static_cast<size_t>(i) * 97
                     ? 0
                     : 1;
      }
    });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  EXPECT_EQ(wrong, 0);
}

TEST_F(ServerTest, CountsWhatItDoes) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(
      peer.Send(Get("/say/a") + Get("/say/b") + Get("/none") + Get("/drop") + Get("/later/0")));
  for (int i = 0; i < 4; ++i) {
    peer.Read();
  }
  Responder held = Held(0);
  const std::string text = metrics_.PrometheusText();
  const auto has = [&](std::string_view line) { return text.find(line) != std::string::npos; };
  EXPECT_TRUE(
      has("http_server_request_duration_seconds_count{http_request_method=\"GET\",http_route=\"/"
          "say/{word}\","
          "http_response_status_class=\"2xx\"} 2"))
      << text;
  EXPECT_TRUE(has("http_route=\"(unmatched)\",http_response_status_class=\"4xx\"} 1"));
  EXPECT_TRUE(has("http_route=\"/drop\",http_response_status_class=\"5xx\"} 1"));
  EXPECT_TRUE(has("http_server_active_requests 1"));
  EXPECT_TRUE(has("hoego_http_open_connections 1"));
  held.Send(Text("x"));
  EXPECT_EQ(peer.Read().body, "x");
  EXPECT_NE(metrics_.PrometheusText().find("http_server_active_requests 0"), std::string::npos);
}

}  // namespace
}  // namespace hoego::http
