#include "base/log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/text.h"

namespace hoego {
namespace {

// What `write` sends to standard error.
template <class F>
std::string Captured(bool json, F write) {
  SetLogJson(json);
  testing::internal::CaptureStderr();
  write();
  SetLogLevel(LogLevel::kInfo);
  return testing::internal::GetCapturedStderr();
}

TEST(LogTest, WritesJsonLines) {
  const std::string line = Captured(true, [] {
    Log(LogLevel::kWarning, "events", "slow \"sync\"",
        {{"ms", 12}, {"path", "a b"}, {"share", std::nan("")}, {"ok", true}, {"letter", 'x'}});
  });
  JsonParser parser;
  const auto root = parser.Parse(line);
  ASSERT_TRUE(root.ok()) << line;
  EXPECT_TRUE(ParseTime(*root->RequireString("time")).ok());
  EXPECT_EQ(
      line.substr(line.find(",\"level")),
      R"(,"level":"warning","room":"events","message":"slow \"sync\"","ms":12,"path":"a b","share":"nan",)"
      R"("ok":true,"letter":"x"})"
      "\n");
}

TEST(LogTest, WritesTextLines) {
  const std::string line = Captured(false, [] {
    Log(LogLevel::kInfo, "api", "two\nlines",
        {{"n", 1.5}, {"path", "a b"}, {"empty", ""}, {"eq", "a=b"}});
  });
  EXPECT_EQ(line.substr(24),
            " info    api      \"two\\nlines\" n=1.5 path=\"a b\" empty=\"\" eq=\"a=b\"\n");
  EXPECT_TRUE(ParseTime(line.substr(0, 24)).ok());
}

TEST(LogTest, LowerLevelsAreSilentAndNotCounted) {
  const auto count = [](std::string level) {
    return Metrics::Global()
        .counter("hoego_log_lines_total", "", {{"level", std::move(level)}})
        .value();
  };
  const uint64_t infos = count("info");
  const uint64_t errors = count("error");
  const std::string text = Captured(true, [] {
    SetLogLevel(LogLevel::kWarning);
    Log(LogLevel::kInfo, "x", "no");
    Log(LogLevel::kError, "x", "yes");
  });
  EXPECT_EQ(Split(text, '\n').size(), 2U);
  EXPECT_EQ(count("info"), infos);
  EXPECT_EQ(count("error"), errors + 1);
}

TEST(LogTest, LinesOfSeveralThreadsDoNotMix) {
  const std::string text = Captured(true, [] {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([t] {
        for (int i = 0; i < 50; ++i) {
          Log(LogLevel::kInfo, "x", std::string(200, static_cast<char>('a' + t)));
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  });
  const auto lines = Split(Trim(text), '\n');
  EXPECT_EQ(lines.size(), 200U);
  JsonParser parser;
  for (const std::string_view line : lines) {
    ASSERT_TRUE(parser.Parse(line).ok()) << line;
  }
}

}  // namespace
}  // namespace hoego
