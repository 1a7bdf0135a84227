#include "base/clock.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>
#include <string>
#include <utility>

namespace hoego {
namespace {

struct Known {
  std::string_view text;
  int64_t millis;
};

// Computed with Python's datetime.
constexpr std::array<Known, 8> kKnown = {{{"2026-11-22T07:20:51.042Z", 1795332051042},
                                          {"1970-01-01T00:00:00.000Z", 0},
                                          {"1969-12-31T23:59:59.999Z", -1},
                                          {"2000-02-29T12:00:00.500Z", 951825600500},
                                          {"2100-03-01T00:00:00.000Z", 4107542400000},
                                          {"0001-01-01T00:00:00.000Z", -62135596800000},
                                          {"9999-12-31T23:59:59.999Z", 253402300799999},
                                          {"2024-12-31T23:59:59.000Z", 1735689599000}}};

int64_t MillisOf(std::string_view text) {
  const auto t = ParseTime(text);
  EXPECT_TRUE(t.ok()) << text << ": " << t.status().ToString();
  return t.ok() ? ToUnixMillis(*t) : -1;
}

TEST(ClockTest, WritesAndReadsKnownMoments) {
  for (const Known& known : kKnown) {
    EXPECT_EQ(FormatTime(FromUnixMillis(known.millis)), known.text);
    EXPECT_EQ(MillisOf(known.text), known.millis);
    EXPECT_EQ(MillisOf(fmt::format("{}", known.millis)), known.millis);
  }
}

TEST(ClockTest, ReadsEveryOffsetAndPrecision) {
  constexpr int64_t kMoment = 1795332051042;
  EXPECT_EQ(MillisOf("2026-11-22T16:20:51.042+09:00"), kMoment);
  EXPECT_EQ(MillisOf("2026-11-22T01:50:51.042-05:30"), kMoment);
  EXPECT_EQ(MillisOf("2026-11-22t07:20:51.042z"), kMoment);
  EXPECT_EQ(MillisOf("2026-11-22 07:20:51.042999999999Z"), kMoment);
  EXPECT_EQ(MillisOf("2026-11-22T07:20:51Z"), kMoment - 42);
  EXPECT_EQ(MillisOf("2026-11-22T07:20:51.5Z"), kMoment - 42 + 500);
  EXPECT_EQ(MillisOf("2026-11-22T07:20:51.04Z"), kMoment - 2);
  EXPECT_EQ(MillisOf("2026-11-22T07:20:51-00:00"), kMoment - 42);
}

TEST(ClockTest, ALeapSecondIsTheStartOfTheNext) {
  EXPECT_EQ(MillisOf("2016-12-31T23:59:60Z"), MillisOf("2017-01-01T00:00:00Z"));
}

TEST(ClockTest, RefusesWhatIsNoTime) {
  for (const std::string_view bad : {"",
                                     " ",
                                     "now",
                                     "2026-11",
                                     "2026-11-22",
                                     "2026-11-22T07:20:51",
                                     "2026-13-01T00:00:00Z",
                                     "2026-02-29T00:00:00Z",
                                     "2026-11-31T00:00:00Z",
                                     "2026-11-22T24:00:00Z",
                                     "2026-11-22T07:60:00Z",
                                     "2026-11-22T07:20:61Z",
                                     "2026-11-22T07:20:51.Z",
                                     "2026-11-22T07:20:51Z ",
                                     "2026-11-22T07:20:51+9:00",
                                     "2026-11-22T07:20:51+0900",
                                     "2026-11-22T07:20:51+24:00",
                                     "2026-11-22T07:20:51+00:60",
                                     "2026-11-22T07:20:51+",
                                     "2026/11/22T07:20:51Z",
                                     "2026-11-22X07:20:51Z",
                                     "2026-11-22T07.20.51Z",
                                     "-026-11-22T07:20:51Z",
                                     "12:34",
                                     "1e12",
                                     "1.5",
                                     "253402300800000",
                                     "-62167219200001",
                                     "9223372036854775807",
                                     "99999999999999999999",
                                     "9999-12-31T23:59:59.999-00:01",
                                     "0000-01-01T00:00:00+00:01"}) {
    const auto t = ParseTime(bad);
    ASSERT_FALSE(t.ok()) << bad;
    EXPECT_EQ(t.status().code(), Code::kInvalidArgument);
  }
  EXPECT_EQ(ParseTime("yesterday").status().message(),
            "time \"yesterday\": expected RFC 3339 such as 2026-11-22T07:20:51.042Z, or Unix "
            "milliseconds");
}

RC_GTEST_PROP(ClockProperty, EveryMomentSurvivesText, ()) {
  const int64_t millis = *rc::gen::inRange<int64_t>(-62167219200000, 253402300800000);
  const std::string text = FormatTime(FromUnixMillis(millis));
  RC_ASSERT(text.size() == 24U);
  RC_ASSERT(MillisOf(text) == millis);
}

RC_GTEST_PROP(ClockProperty, NoTextCrashesTheParser, (const std::string& text)) {
  const auto t = ParseTime(text);
  RC_ASSERT(t.ok() || t.status().code() == Code::kInvalidArgument);
}

// One byte of a good text changed at random: a good time or a refusal, never a wild read.
RC_GTEST_PROP(ClockProperty, DamagedTextsAreReadOrRefused, ()) {
  std::string text = "2026-11-22T16:20:51.042+09:00";
  text[*rc::gen::inRange<size_t>(0, text.size())] = *rc::gen::arbitrary<char>();
  text.resize(*rc::gen::inRange<size_t>(0, text.size() + 1));
  const auto t = ParseTime(text);
  RC_ASSERT(t.ok() || t.status().code() == Code::kInvalidArgument);
}

TEST(FakeClockTest, MovesOnlyWhenTold) {
  FakeClock clock(FromUnixMillis(1000));
  const auto before = clock.Monotonic();
  EXPECT_EQ(ToUnixMillis(clock.Now()), 1000);
  clock.Advance(std::chrono::seconds(2));
  EXPECT_EQ(ToUnixMillis(clock.Now()), 3000);
  EXPECT_EQ(clock.Monotonic() - before, std::chrono::seconds(2));
}

TEST(SystemClockTest, MonotonicTimeNeverGoesBack) {
  const Clock& clock = SystemClock::Instance();
  auto last = clock.Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const auto now = clock.Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

}  // namespace
}  // namespace hoego
