#include "api/http/internal/host_guard.h"

#include <gtest/gtest.h>

namespace hoego::http::internal {
namespace {

int CheckHost(const ServerOptions& options, std::string_view host, std::string_view local) {
  Head head;
  head.host = host;
  const auto refusal = HostGuard(options).CheckHost(head, local);
  return refusal ? refusal->status : 200;
}

TEST(HostGuardTest, TakesLoopbackNamesTheOwnAddressAndAllowedHosts) {
  ServerOptions options;
  options.allowed_hosts = {"Hoego.Example.com"};
  for (const char* host : {"localhost", "LocalHost:8080", "127.0.0.1", "127.9.8.7:1", "[::1]",
                           "[::1]:80", "localhost.", "hoego.example.com:443", "10.0.0.5:8080"}) {
    EXPECT_EQ(CheckHost(options, host, "10.0.0.5"), 200) << host;
  }
  for (const char* host : {"evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "10.0.0.6", "127.0.0.256", "127.1", "example.com", "[::2]"}) {
    EXPECT_EQ(CheckHost(options, host, "10.0.0.5"), 421) << host;
  }
  for (const char* host :
       {"", ":80", "a b", "a:b", "[::1", "[]", "a:123456", "user@localhost", "a/b", "::1"}) {
    EXPECT_EQ(CheckHost(options, host, "10.0.0.5"), 400) << host;
  }
  options.allowed_hosts = {"*"};
  EXPECT_EQ(CheckHost(options, "evil.example", "10.0.0.5"), 200);
}

TEST(HostGuardTest, LooksAtTheHostInAnAbsoluteTargetToo) {
  const HostGuard guard{ServerOptions{}};
  Head head;
  head.host = "localhost";
  head.authority = "evil.example";
  EXPECT_EQ(guard.CheckHost(head, "")->status, 421);
  head.authority = "localhost:80";
  EXPECT_FALSE(guard.CheckHost(head, ""));
  head.host.reset();
  EXPECT_EQ(guard.CheckHost(head, "")->status, 400);
}

TEST(HostGuardTest, LetsOnlyOurOwnPagesChangeThings) {
  ServerOptions options;
  options.allowed_origins = {"https://app.example"};
  const HostGuard guard(options);
  const auto passes = [&](std::string_view method, std::string_view origin, std::string_view host) {
    Head head;
    head.method = method;
    head.origin = origin;
    head.host = host;
    return !guard.CheckOrigin(head);
  };
  EXPECT_TRUE(passes("POST", "http://localhost:8080", "localhost:8080"));
  EXPECT_TRUE(passes("POST", "https://h.example", "h.example:443"));
  EXPECT_TRUE(passes("PUT", "http://h.example:80", "H.example"));
  EXPECT_TRUE(passes("POST", "https://app.example", "localhost:8080"));
  EXPECT_TRUE(passes("GET", "http://evil.example", "localhost:8080"));
  EXPECT_FALSE(passes("POST", "http://localhost:3000", "localhost:8080"));
  EXPECT_FALSE(passes("DELETE", "http://evil.example", "localhost:8080"));
  EXPECT_FALSE(passes("POST", "null", "localhost:8080"));
  EXPECT_FALSE(passes("POST", "", "localhost:8080"));
  EXPECT_FALSE(passes("POST", "file://localhost:8080", "localhost:8080"));
  EXPECT_FALSE(passes("PATCH", "https://h.example", "h.example:80"));
}

}  // namespace
}  // namespace hoego::http::internal
