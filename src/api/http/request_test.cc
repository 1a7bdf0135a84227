#include "api/http/request.h"

#include <gtest/gtest.h>

namespace hoego::http {
namespace {

TEST(RequestTest, FindsHeadersWithoutCaseAndTheFirstOfSeveral) {
  const std::vector<HeaderField> fields{
      {"X-Hoego-Unit", "u1"}, {"x-hoego-unit", "u2"}, {"If-Match", "\"3\""}};
  Request request;
  request.headers = fields;
  EXPECT_EQ(request.header("x-HOEGO-unit"), "u1");
  EXPECT_EQ(request.header("if-match"), "\"3\"");
  EXPECT_EQ(request.header("If-Match2"), "");
}

TEST(RequestTest, DecodesQueryParameters) {
  Request request;
  request.target = "/v1/x?a=1&b=two+words&c=%EA%B0%80&empty=&flag&b=second&d=x%2By&%6b=v&bad=%zz";
  EXPECT_EQ(request.query("a"), "1");
  EXPECT_EQ(request.query("b"), "two words");
  EXPECT_EQ(request.query("c"), "\xEA\xB0\x80");
  EXPECT_EQ(request.query("empty"), "");
  EXPECT_EQ(request.query("flag"), "");
  EXPECT_EQ(request.query("d"), "x+y");
  EXPECT_EQ(request.query("k"), "v");
  EXPECT_EQ(request.query("bad"), std::nullopt);
  EXPECT_EQ(request.query("none"), std::nullopt);
  request.target = "/v1/x";
  EXPECT_EQ(request.query("a"), std::nullopt);
}

}  // namespace
}  // namespace hoego::http
