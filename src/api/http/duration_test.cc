#include <gtest/gtest.h>

#include <thread>

#include "api/http/client.h"
#include "api/http/server.h"

namespace hoego::http {
namespace {

// An answer from within the handler used to count as 0 seconds: the time was that of the thread's last look at the clock.
TEST(DurationTest, AHandlerThatAnswersAtOnceIsTimedToo) {
  Metrics metrics;
  Router router;
  router.Add("GET", "/busy", [](const Request&, Responder responder) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(3);
    while (std::chrono::steady_clock::now() < end) {
    }
    responder.Send(Text("done"));
  });
  auto server = Server::Start({}, router, metrics);
  ASSERT_TRUE(server.ok()) << server.status().ToString();
  ClientOptions options;
  options.port = (*server)->port();
  Client client(options);
  ASSERT_TRUE(Succeeded(client.Request("GET", "/busy")).ok());
  (*server)->Drain(std::chrono::milliseconds(1000));
  const std::string text = metrics.PrometheusText();
  const size_t at = text.find("http_server_request_duration_seconds_sum");
  ASSERT_NE(at, std::string::npos);
  const size_t value = text.find("} ", at) + 2;
  EXPECT_GE(std::stod(text.substr(value)), 0.003);
}

}  // namespace
}  // namespace hoego::http
