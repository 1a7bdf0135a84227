#include "base/uuid.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <vector>

namespace hoego {
namespace {

// The example of RFC 9562, appendix A.6.
TEST(UuidTest, ReadsTheExampleOfTheRfc) {
  const auto id = Uuid::Parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F");
  ASSERT_TRUE(id);
  EXPECT_EQ(ToUnixMillis(id->time()), 1645557742000);  // 2022-02-22T19:22:22Z
  EXPECT_EQ(id->ToString(), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  EXPECT_EQ(id->low(), 0x98c4dc0c0c07398fULL);
}

RC_GTEST_PROP(UuidProperty, CarriesItsTimeVersionAndVariant, (uint64_t seed)) {
  Rng rng(seed);
  const int64_t millis = *rc::gen::inRange<int64_t>(0, int64_t{1} << 48);
  const Uuid id = Uuid::V7(FromUnixMillis(millis), rng);
  const std::string text = id.ToString();
  RC_ASSERT(ToUnixMillis(id.time()) == millis);
  RC_ASSERT(text.size() == 36U);
  RC_ASSERT(text[14] == '7');
  RC_ASSERT(std::string_view("89ab").find(text[19]) != std::string_view::npos);
  RC_ASSERT(Uuid::Parse(text) == id);
}

TEST(UuidTest, IdsOfLaterMillisecondsSortLater) {
  Rng rng(1);
  std::string last;
  for (int64_t ms = 1'700'000'000'000; ms < 1'700'000'000'300; ++ms) {
    const std::string next = Uuid::V7(FromUnixMillis(ms), rng).ToString();
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(UuidTest, DrawsAllRandomBits) {
  Rng rng(2);
  std::array<int, 128> ones{};
  constexpr int kDraws = 1000;
  for (int i = 0; i < kDraws; ++i) {
    const Uuid id = Uuid::V7(FromUnixMillis(0), rng);
    for (size_t bit = 0; bit < 128; ++bit) {
      ones[bit] += id.bytes[bit / 8] >> (7 - bit % 8) & 1;
    }
  }
  for (size_t bit = 48; bit < 128; ++bit) {
    if (bit >= 48 && bit < 52) {
      EXPECT_EQ(ones[bit], bit == 48 ? 0 : kDraws) << bit;  // version 7
    } else if (bit == 64 || bit == 65) {
      EXPECT_EQ(ones[bit], bit == 64 ? kDraws : 0) << bit;  // variant 10
    } else {
      EXPECT_NEAR(ones[bit], kDraws / 2, 80) << bit;  // five sigma
    }
  }
}

TEST(UuidTest, RefusesWhatIsNoUuid) {
  const std::string good = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
  ASSERT_TRUE(Uuid::Parse(good));
  EXPECT_FALSE(Uuid::Parse(""));
  EXPECT_FALSE(Uuid::Parse("017f22e279b07cc398c4dc0c0c07398f"));
  EXPECT_FALSE(Uuid::Parse("{" + good.substr(1)));
  EXPECT_FALSE(Uuid::Parse(good + "0"));
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = good[i] == '-' ? '0' : 'g';
    EXPECT_FALSE(Uuid::Parse(bad)) << bad;
  }
}

TEST(UuidTest, NewIdsDiffer) {
  std::set<std::string> seen;
  for (int i = 0; i < 1000; ++i) {
    seen.insert(NewUuid(FromUnixMillis(5)).ToString());
  }
  EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace hoego
