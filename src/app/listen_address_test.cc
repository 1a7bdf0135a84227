#include "app/listen_address.h"

#include <gtest/gtest.h>

namespace hoego::app {
namespace {

TEST(ListenAddressTest, WrongUseIsToldFromARefusal) {
  for (const char* good : {"127.0.0.1:0", "localhost:7070", "[::1]:65535"}) {
    EXPECT_TRUE(CheckListenAddress("--http", good).ok()) << good;
  }
  for (const char* bad : {"", "x", "7070", ":7070", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
                          "nowhere.example:80", "127.0.0.1:http"}) {
    const Status status = CheckListenAddress("--http", bad);
    EXPECT_EQ(status.code(), Code::kInvalidArgument) << bad;
    EXPECT_TRUE(status.message().starts_with("--http: ")) << status.message();
  }
  EXPECT_EQ(CheckListenAddress("--http", "0.0.0.0:0").code(), Code::kFailedPrecondition);
}

TEST(ListenAddressTest, IPv6StandsInBrackets) {
  EXPECT_EQ(UrlAddress("::1:7070"), "[::1]:7070");
  EXPECT_EQ(UrlAddress("[::1]:7070"), "[::1]:7070");
  EXPECT_EQ(UrlAddress("127.0.0.1:7070"), "127.0.0.1:7070");
}

}  // namespace
}  // namespace hoego::app
