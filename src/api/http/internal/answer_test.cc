#include "api/http/internal/answer.h"

#include <gtest/gtest.h>

#include "base/line_reader.h"

namespace hoego::http::internal {
namespace {

// The example of RFC 9110 section 5.6.7; the second by date(1).
TEST(AnswerTest, WritesTheDateAsTheStandardDoes) {
  EXPECT_EQ(HttpDate(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(HttpDate(1709210096), "Thu, 29 Feb 2024 12:34:56 GMT");
}

TEST(AnswerTest, ReadsAcceptEncoding) {
  for (const char* yes :
       {"gzip", "deflate, gzip", "GZIP;q=0.5", "br;q=1, *", "*;q=0.1", "x-gzip", "gzip ; q=1"}) {
    EXPECT_TRUE(AcceptsGzip(yes)) << yes;
  }
  for (const char* no : {"", "identity", "gzip;q=0", "gzip; q=0.0, *", "*;q=0", "br", "gzipped"}) {
    EXPECT_FALSE(AcceptsGzip(no)) << no;
  }
}

TEST(AnswerTest, CompressesLargeTextAndLeavesTheRest) {
  Response small = Json(std::string(1024, 'a'));
  CompressIfWorthwhile(small);
  EXPECT_TRUE(small.headers.empty());
  Response large = Json(std::string(1025, 'a'));
  CompressIfWorthwhile(large);
  ASSERT_EQ(large.headers.size(), 2u);
  EXPECT_LT(large.body.size(), 100u);
  EXPECT_EQ(*GzipDecompress(large.body, 1 << 20), std::string(1025, 'a'));
  Response picture{200, "image/png", std::string(5000, 'a'), {}};
  CompressIfWorthwhile(picture);
  EXPECT_EQ(picture.body.size(), 5000u);
}

TEST(AnswerTest, LeavesOutFieldsThatWouldBreakTheHeadOrAreTheServersOwn) {
  Response response = Json("{}");
  response.headers = {{"X-Good", "yes"},        {"X-Bad", "a\r\nSet-Cookie: b"},  {"Bad Name", "x"},
                      {"content-LENGTH", "99"}, {"Transfer-Encoding", "chunked"}, {"", "x"}};
  AnswerForm form;
  form.date = "D";
  form.request_id = "R";
  std::string out;
  AppendAnswerHead(response, form, 2, out);
  EXPECT_EQ(out,
            "HTTP/1.1 200 OK\r\nServer: hoego\r\nX-Content-Type-Options: nosniff\r\nDate: D\r\n"
            "X-Request-ID: R\r\nContent-Type: application/json\r\nContent-Length: 2\r\nX-Good: "
            "yes\r\n\r\n");
}

TEST(AnswerTest, TakesVisibleAsciiAsRequestId) {
  EXPECT_TRUE(IsGoodRequestId("a-1~"));
  EXPECT_TRUE(IsGoodRequestId(std::string(128, 'x')));
  EXPECT_FALSE(IsGoodRequestId(std::string(129, 'x')));
  EXPECT_FALSE(IsGoodRequestId(""));
  EXPECT_FALSE(IsGoodRequestId("a b"));
  EXPECT_FALSE(IsGoodRequestId("a\x80"));
}

}  // namespace
}  // namespace hoego::http::internal
