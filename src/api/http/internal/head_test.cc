#include "api/http/internal/head.h"

#include <gtest/gtest.h>

#include "api/http/internal/request_reader.h"

namespace hoego::http::internal {
namespace {

struct Outcome {
  int status = 0;  // 200: a request with this method, target and body
  std::string method;
  std::string target;
  std::string body;
};

// Feeds bytes in pieces of `step` and gives what the first request came to.
Outcome Feed(std::string_view bytes, size_t step, ReaderLimits limits = {}) {
  RequestReader reader(limits);
  ByteBuffer block;
  Head head;
  Outcome outcome;
  std::string window;
  while (true) {
    const RequestReader::Step result = reader.Next(window, &block, &head);
    if (result.event == RequestReader::Event::kBroken) {
      outcome.status = reader.refusal().status;
      return outcome;
    }
    if (result.event == RequestReader::Event::kHead) {
      outcome.method = head.method;
      outcome.target = head.target;
    }
    outcome.body.append(result.body);
    if (result.event == RequestReader::Event::kEnd) {
      outcome.status = 200;
      return outcome;
    }
    window.erase(0, result.used);
    if (result.event == RequestReader::Event::kMore && result.used == 0) {
      if (bytes.empty()) {
        return outcome;
      }
      const size_t n = std::min(step, bytes.size());
      window.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
    }
  }
}

struct Malformed {
  int status;
  std::string_view bytes;
};

// Each line is a way to make two readers of the same bytes see different requests, or a broken one.
// What must be refused and how is said by RFC 9112 sections 2.2, 3.2, 5, 6.1 to 6.3, 7.1.
constexpr Malformed kMalformed[] = {
    {400, "GET / HTTP/1.1\nHost: a\n\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\tb\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n Host: a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\n: a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost a\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n"},
    {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"},
    {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {505, "GET /  HTTP/1.1\r\nHost: a\r\n\r\n"},
    {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    {505, "GET / http/1.1\r\nHost: a\r\n\r\n"},
    {505, "GET / HTTP/1.1 \r\nHost: a\r\n\r\n"},
    {400, "GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, " GET / HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "GET * HTTP/1.1\r\nHost: a\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 3, 3\r\n\r\nabc"},
    {400, "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nContent-Length: +3\r\n\r\nabc"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 0x3\r\n\r\nabc"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 3 3\r\n\r\nabc"},
    {400, "POST / HTTP/1.1\r\nContent-Length:\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc"},
    {501, "POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"},
    {501, "POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"},
    {400,
     "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {417, "POST / HTTP/1.1\r\nExpect: 200-ok\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n+3\r\nabc\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3 \r\nabc\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;a=\nb\r\nabc\r\n0\r\n\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n11112222333344445\r\n"},
    {400, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: a\n\r\n"},
};

TEST(HeadTest, RefusesEveryMalformedRequestHoweverItIsCutUp) {
  for (const Malformed& m : kMalformed) {
    for (const size_t step : {m.bytes.size(), size_t{1}, size_t{7}}) {
      EXPECT_EQ(Feed(m.bytes, step).status, m.status) << step << "\n" << m.bytes;
    }
  }
}

TEST(HeadTest, ReadsWellFormedRequestsHoweverTheyAreCutUp) {
  const std::string chunked =
      "\r\nPOST /a?b=c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n"
      "3;name=\"v\"\r\nabc\r\n00A\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n";
  const std::string sized =
      "PUT http://x:1/p HTTP/1.1\r\nHost:x:1 \t\r\nContent-Length: 5\r\nX-Empty:\r\n\r\nhello";
  for (size_t step = 1; step <= chunked.size(); ++step) {
    const Outcome a = Feed(chunked, step);
    EXPECT_EQ(a.status, 200) << step;
    EXPECT_EQ(a.target, "/a?b=c");
    EXPECT_EQ(a.body, "abc0123456789");
    const Outcome b = Feed(sized, step);
    EXPECT_EQ(b.status, 200) << step;
    EXPECT_EQ(b.method + b.target + b.body, "PUT/phello");
  }
}

TEST(HeadTest, BoundsTheHeadAndItsFields) {
  const ReaderLimits limits{1024, 4, {}};
  EXPECT_EQ(Feed("GET /" + std::string(2000, 'a'), 100, limits).status, 414);
  EXPECT_EQ(Feed("GET / HTTP/1.1\r\nX: " + std::string(2000, 'a'), 100, limits).status, 431);
  EXPECT_EQ(Feed("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", 9, limits).status, 200);
  EXPECT_EQ(
      Feed("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\nE: 5\r\n\r\n", 9, limits).status,
      431);
}

TEST(HeadTest, KeepsConnectionsAsTheVersionAndTheClientSay) {
  const auto keeps = [](std::string block) {
    Head head;
    EXPECT_FALSE(ParseHead(block, 100, head)) << block;
    return head.keep_alive;
  };
  EXPECT_TRUE(keeps("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: Close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.1\r\nConnection: te, close\r\n\r\n"));
  EXPECT_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
  EXPECT_TRUE(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

}  // namespace
}  // namespace hoego::http::internal
