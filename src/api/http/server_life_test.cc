#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "api/http/client.h"
#include "api/http/internal/event_feed.h"
#include "api/http/internal/server_fixture.h"

namespace hoego::http {
namespace {

using internal::RawPeer;
using std::chrono::milliseconds;

class ServerLifeTest : public internal::ServerFixture {
 protected:
  ServerLifeTest() {
    router_.Add("GET", "/events",
                [this](const Request&, Responder r) { stream_.set_value(r.StartEventStream()); });
  }
  std::shared_ptr<EventStream> StreamOf(RawPeer& peer) {
    EXPECT_TRUE(peer.Send(Get("/events")));
    return stream_.get_future().get();
  }
  bool TimedOut(std::string_view what) const {
    return metrics_.PrometheusText().find(fmt::format(
               "hoego_http_timeouts_total{{waiting_for=\"{}\"}} 1", what)) != std::string::npos;
  }

  std::promise<std::shared_ptr<EventStream>> stream_;
};

TEST_F(ServerLifeTest, Answers408ToAHeadThatComesTooSlowly) {
  options_.header_timeout = milliseconds(60);
  Start();
  RawPeer peer = Peer();
  const auto begin = std::chrono::steady_clock::now();
  std::atomic<bool> done{false};
  std::thread slowly([&] {  // a byte every now and then does not help
    std::string_view rest =
        "GET /hello HTTP/1.1\r\nHost: localhost\r\nX-Slow: "
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    while (!done && !rest.empty() && peer.Send(rest.substr(0, 1))) {
      rest.remove_prefix(1);
      pollfd none{-1, 0, 0};
      ::poll(&none, 1, 10);
    }
  });
  const RawPeer::Answer answer = peer.Read();
  done = true;
  slowly.join();
  EXPECT_EQ(answer.status, 408);
  EXPECT_TRUE(answer.closed);
  EXPECT_TRUE(TimedOut("header"));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(60));
}

TEST_F(ServerLifeTest, ClosesAConnectionThatNeverSpeaks) {
  options_.header_timeout = milliseconds(40);
  Start();
  RawPeer peer = Peer();
  EXPECT_TRUE(peer.AtEnd());
  EXPECT_TRUE(TimedOut("header"));
}

TEST_F(ServerLifeTest, Answers408ToABodyThatComesTooSlowly) {
  options_.body_timeout = milliseconds(40);
  Start();
  for (const char* framing : {"Content-Length: 100000", "Transfer-Encoding: chunked"}) {
    RawPeer peer = Peer();
    ASSERT_TRUE(peer.Send(
        fmt::format("POST /echo HTTP/1.1\r\nHost: localhost\r\n{}\r\n\r\n3\r\nabc", framing)));
    const RawPeer::Answer answer = peer.Read();
    EXPECT_EQ(answer.status, 408) << framing;
    EXPECT_TRUE(answer.closed);
    EXPECT_TRUE(peer.AtEnd());
  }
}

TEST_F(ServerLifeTest, WaitsForABodyThatKeepsUpTheRate) {
  options_.body_timeout = milliseconds(50);
  options_.min_body_rate = 1'000;
  Start();
  RawPeer peer = Peer();
  // 5,000 bytes at once earn 5 s; the last byte comes after the first 50 ms are over.
  ASSERT_TRUE(peer.Send("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5001\r\n\r\n" +
                        std::string(5000, 'x')));
  pollfd none{-1, 0, 0};
  ::poll(&none, 1, 120);
  ASSERT_TRUE(peer.Send("y"));
  EXPECT_EQ(peer.Read().body.size(), 5001u);
}

TEST_F(ServerLifeTest, ClosesIdleConnectionsWithoutAWord) {
  options_.idle_timeout = milliseconds(40);
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/hello")));
  EXPECT_EQ(peer.Read().status, 200);
  EXPECT_TRUE(peer.AtEnd());
  EXPECT_TRUE(TimedOut("idle"));
}

TEST_F(ServerLifeTest, CutsAClientThatDoesNotRead) {
  options_.write_timeout = milliseconds(60);
  Start();
  RawPeer peer(server_->port(), 65536);
  ASSERT_TRUE(peer.Send(Get("/big?n=50000000")));
  while (!TimedOut("write")) {  // ends by itself
    std::this_thread::yield();
  }
  while (server_->open_connections() > 0) {
    std::this_thread::yield();
  }
}

TEST_F(ServerLifeTest, Answers504ForAHandlerThatTakesTooLong) {
  options_.answer_timeout = milliseconds(40);
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/later/0")));
  Responder held = Held(0);
  const RawPeer::Answer answer = peer.Read();
  EXPECT_EQ(answer.status, 504);
  EXPECT_TRUE(answer.closed);
  EXPECT_TRUE(peer.AtEnd());
  held.Send(Text("too late"));
  RawPeer other = Peer();
  ASSERT_TRUE(other.Send(Get("/hello")));
  EXPECT_EQ(other.Read().status, 200);
}

TEST_F(ServerLifeTest, StreamsEventsUntilTheHandlerCloses) {
  Start();
  RawPeer peer = Peer();
  std::shared_ptr<EventStream> stream = StreamOf(peer);
  EXPECT_TRUE(stream->Send("progress", "{\"step\":1}", "7"));
  EXPECT_TRUE(stream->Send({}, "two\nlines"));
  const RawPeer::Answer head = peer.Read();
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.field("Content-Type"), "text/event-stream");
  EXPECT_EQ(head.field("Transfer-Encoding"), "chunked");
  EXPECT_TRUE(peer.ReadUntil("id: 7\nevent: progress\ndata: {\"step\":1}\n\n"));
  EXPECT_TRUE(peer.ReadUntil("data: two\ndata: lines\n\n"));
  stream.reset();
  EXPECT_TRUE(peer.ReadUntil("0\r\n\r\n"));
  ASSERT_TRUE(peer.Send(Get("/hello")));
  EXPECT_EQ(peer.Read().status, 200);
}

TEST_F(ServerLifeTest, TellsAStreamThatTheClientIsGone) {
  Start();
  RawPeer peer = Peer();
  const std::shared_ptr<EventStream> stream = StreamOf(peer);
  EXPECT_TRUE(stream->Send("a", "b"));
  EXPECT_TRUE(peer.ReadUntil("data: b\n\n"));
  peer.Close();
  while (server_->open_connections() > 0) {  // ends by itself: the server sees the end
    std::this_thread::yield();
  }
  EXPECT_FALSE(stream->Send("a", "c"));
}

TEST_F(ServerLifeTest, WhoFeedsAStreamIsToldOfItsEndOnceWhoeverEndsIt) {
  Start();
  std::atomic<int> told{0};
  const auto count = [&told] { ++told; };
  {
    RawPeer peer = Peer();
    const std::shared_ptr<EventStream> stream = StreamOf(peer);
    stream->OnEnd(count);
    peer.Close();
    while (told == 0) {
      std::this_thread::yield();
    }
    stream->OnEnd(count);  // it ended before
  }
  EXPECT_EQ(told, 2);
  {
    stream_ = {};
    RawPeer peer = Peer();
    std::shared_ptr<EventStream> stream = StreamOf(peer);
    stream->OnEnd(count);
    stream.reset();  // by the handler itself: it knows
    EXPECT_TRUE(peer.ReadUntil("0\r\n\r\n"));
  }
  EXPECT_EQ(told, 2);
  {
    stream_ = {};
    RawPeer peer = Peer();
    std::shared_ptr<EventStream> stream = StreamOf(peer);
    stream->OnEnd([&] {
      stream.reset();
      ++told;
    });
    server_->Drain(milliseconds(5000));
  }
  EXPECT_EQ(told, 3);
}

TEST_F(ServerLifeTest, BoundsWhatAStreamKeepsForASlowReader) {
  options_.max_stream_bytes = 2048;
  Start();
  RawPeer peer(server_->port(), 4096);
  const std::shared_ptr<EventStream> stream = StreamOf(peer);
  EXPECT_FALSE(stream->Send("x", std::string(3000, 'x')));
  size_t sent = 0;
  int refused = 0;
  while (refused < 1000 && sent < 100'000'000) {
    stream->Send("x", std::string(1000, 'x')) ? sent += 1000 : static_cast<size_t>(++refused);
  }
  EXPECT_LT(sent, 100'000'000u);
}

TEST_F(ServerLifeTest, KeepsQuietStreamsAliveWithComments) {
  options_.stream_heartbeat = milliseconds(30);
  Start();
  RawPeer peer = Peer();
  const std::shared_ptr<EventStream> stream = StreamOf(peer);
  EXPECT_TRUE(peer.ReadUntil("\r\n\r\n"));
  EXPECT_TRUE(peer.ReadUntil("3\r\n:\n\n\r\n"));
  EXPECT_TRUE(peer.ReadUntil("3\r\n:\n\n\r\n"));
}

TEST_F(ServerLifeTest, DrainAnswersWhatIsInFlightAndClosesTheRest) {
  Start();
  RawPeer busy = Peer();
  RawPeer idle = Peer();
  RawPeer streaming = Peer();
  ASSERT_TRUE(idle.Send(Get("/hello")));
  EXPECT_EQ(idle.Read().status, 200);
  const std::shared_ptr<EventStream> stream = StreamOf(streaming);
  ASSERT_TRUE(busy.Send(Get("/later/0") + Get("/later/1")));
  Responder first = Held(0);
  Responder second = Held(1);
  std::thread drain([&] { server_->Drain(milliseconds(5000)); });
  EXPECT_TRUE(idle.AtEnd());
  EXPECT_TRUE(streaming.ReadUntil("0\r\n\r\n"));
  EXPECT_FALSE(RawPeer(server_->port()).connected());
  first.Send(Text("first"));
  second.Send(Text("second"));
  const RawPeer::Answer a = busy.Read();
  const RawPeer::Answer b = busy.Read();
  EXPECT_EQ(a.body + b.body, "firstsecond");
  EXPECT_FALSE(a.closed);
  EXPECT_TRUE(b.closed);
  EXPECT_TRUE(busy.AtEnd());
  busy.Close();
  streaming.Close();
  drain.join();
  EXPECT_EQ(server_->open_connections(), 0);
}

TEST_F(ServerLifeTest, DrainCutsWhatDoesNotEndInTime) {
  Start();
  RawPeer peer = Peer();
  ASSERT_TRUE(peer.Send(Get("/later/0")));
  Responder held = Held(0);
  server_->Drain(milliseconds(20));
  EXPECT_TRUE(peer.AtEnd());
  EXPECT_TRUE(held.cancelled());
  held.Send(Text("dropped"));
  server_.reset();
}

TEST_F(ServerLifeTest, RespondersAndStreamsMayOutliveTheServer) {
  Start();
  RawPeer peer = Peer();
  RawPeer other = Peer();
  const std::shared_ptr<EventStream> stream = StreamOf(other);
  ASSERT_TRUE(peer.Send(Get("/later/0")));
  Responder held = Held(0);
  server_.reset();
  EXPECT_FALSE(stream->Send("a", "b"));
  held.Send(Text("dropped"));
}

TEST_F(ServerLifeTest, ServesSmallRequestsWhileItIsDrainedOverAndOver) {
  for (int round = 0; round < 20; ++round) {
    Start();
    std::atomic<int> wrong{0};
    std::thread traffic([&] {
      Client client({.port = server_->port()});
      for (bool up = true; up;) {
        const auto got = client.Request("GET", "/hello");
        up = got.ok();
        wrong += up && got->status != 200 ? 1 : 0;
      }
    });
    RawPeer peer = Peer();
    ASSERT_TRUE(peer.Send(Get("/hello")));
    EXPECT_EQ(peer.Read().status, 200);
    server_->Drain(milliseconds(1000));
    traffic.join();
    EXPECT_EQ(wrong, 0);
    EXPECT_EQ(server_->open_connections(), 0);
    server_.reset();
  }
}

TEST(ServerOptionsTest, NamesTheFirstWrongField) {
  ServerOptions options;
  EXPECT_TRUE(options.Validate().ok());
  options.max_connections = 0;
  EXPECT_NE(options.Validate().message().find("max_connections"), std::string::npos);
  options = {};
  options.idle_timeout = milliseconds(0);
  EXPECT_NE(options.Validate().message().find("idle_timeout"), std::string::npos);
  options = {};
  options.address = "not an address";
  EXPECT_EQ(options.Validate().code(), Code::kInvalidArgument);
  options.address = "0.0.0.0";
  EXPECT_EQ(options.Validate().code(), Code::kFailedPrecondition);
  options.allow_public = true;
  EXPECT_TRUE(options.Validate().ok());
  options.address = "::1";
  EXPECT_TRUE(options.Validate().ok());
}

TEST(ServerStartTest, SaysWhichPortIsTaken) {
  Router router;
  Metrics metrics;
  const auto first = Server::Start({}, router, metrics);
  ASSERT_TRUE(first.ok());
  ServerOptions options;
  options.port = (*first)->port();
  const auto second = Server::Start(options, router, metrics);
  EXPECT_EQ(second.status().code(), Code::kAlreadyExists);
  EXPECT_NE(second.status().message().find(std::to_string(options.port)), std::string::npos);
}

// The format of the HTML standard, section 9.2.6.
TEST(EventFormatTest, WritesEveryLineOfTheDataAsItsOwnField) {
  EXPECT_EQ(internal::FormatEvent("e", "a\r\nb\rc\nd", "1"),
            "id: 1\nevent: e\ndata: a\ndata: b\ndata: c\ndata: d\n\n");
  EXPECT_EQ(internal::FormatEvent("", "", ""), ":\n\n");
  EXPECT_EQ(internal::FormatEvent("e", "", ""), "event: e\ndata: \n\n");
}

}  // namespace
}  // namespace hoego::http
