#include "api/http/status_map.h"

#include <gtest/gtest.h>

#include <set>

#include "api/http/response.h"
#include "base/json.h"

namespace hoego::http {
namespace {

TEST(StatusMapTest, KnowsEveryCodeAndAnswersUnknownOnesAs500) {
  for (int i = 0; i <= 16; ++i) {
    const auto code = static_cast<Code>(i);
    EXPECT_EQ(MapStatus(code).code, code);
    const int http = HttpStatusOf(code);
    EXPECT_TRUE(i == 0 ? http == 200 : http >= 400 && http <= 599) << i << " " << http;
  }
  EXPECT_EQ(HttpStatusOf(static_cast<Code>(200)), 500);
}

// The codes whose HTTP status is their own come back from it (google.rpc.Code names the same
// pairs).
TEST(StatusMapTest, ComesBackFromHttpWhereItIsUnique) {
  for (const Code code :
       {Code::kOk, Code::kInvalidArgument, Code::kDeadlineExceeded, Code::kNotFound,
        Code::kPermissionDenied, Code::kResourceExhausted, Code::kUnimplemented, Code::kInternal,
        Code::kUnavailable, Code::kUnauthenticated}) {
    EXPECT_EQ(CodeOfHttpStatus(HttpStatusOf(code)), code) << CodeName(code);
  }
}

// RFC 9110 section 15, read off its headings.
TEST(StatusMapTest, SaysTheStandardPhrases) {
  EXPECT_EQ(ReasonPhrase(200), "OK");
  EXPECT_EQ(ReasonPhrase(408), "Request Timeout");
  EXPECT_EQ(ReasonPhrase(413), "Content Too Large");
  EXPECT_EQ(ReasonPhrase(421), "Misdirected Request");
  EXPECT_EQ(ReasonPhrase(505), "HTTP Version Not Supported");
  EXPECT_EQ(ReasonPhrase(299), "OK");
  EXPECT_EQ(ReasonPhrase(499), "Client Closed Request");
  EXPECT_EQ(ReasonPhrase(599), "Server Error");
}

TEST(ProblemTest, IsTheJsonOfRfc9457) {
  const Response response =
      Problem(422, Status::InvalidArgument("2 lines are \"bad\""), R"("errors":[{"line":3}])");
  EXPECT_EQ(response.status, 422);
  EXPECT_EQ(response.content_type, "application/problem+json");
  JsonParser parser;
  const auto json = parser.Parse(response.body);
  ASSERT_TRUE(json.ok()) << response.body;
  EXPECT_EQ(*json->RequireString("type"), "about:blank");
  EXPECT_EQ(*json->RequireString("title"), "Unprocessable Content");
  EXPECT_EQ(*json->RequireInt("status"), 422);
  EXPECT_EQ(*json->RequireString("detail"), "2 lines are \"bad\"");
  EXPECT_EQ(*json->RequireString("code"), "invalid_argument");
  EXPECT_TRUE(json->Find("errors")->is_array());
}

}  // namespace
}  // namespace hoego::http
