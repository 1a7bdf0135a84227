#include "serving/page_cursor.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace hoego::serving {
namespace {

std::vector<events::ItemKey> Keys(const std::set<uint32_t>& values) {
  std::vector<events::ItemKey> keys;
  for (const uint32_t v : values) {
    keys.emplace_back(v);
  }
  return keys;
}

RC_GTEST_PROP(PageCursorProperty, WhatIsWrittenIsReadBack, ()) {
  auto values = *rc::gen::arbitrary<std::set<uint32_t>>();
  values.erase(UINT32_MAX);
  PageCursor cursor{Keys(values)};
  const std::string text = cursor.Encode("home", "u1");
  const auto back = PageCursor::Decode(text, "home", "u1");
  RC_ASSERT(back.ok());
  RC_ASSERT(back->shown == cursor.shown);
  RC_ASSERT(
      text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
      std::string::npos);
}

RC_GTEST_PROP(PageCursorProperty, ADamagedTextIsRefusedOrMeansTheSame, ()) {
  auto values = *rc::gen::arbitrary<std::set<uint32_t>>();
  values.erase(UINT32_MAX);
  std::string text = PageCursor{Keys(values)}.Encode("home", "u1");
  const auto at = *rc::gen::inRange<size_t>(0, text.size());
  text[at] = *rc::gen::arbitrary<char>();
  const auto back = PageCursor::Decode(text, "home", "u1");
  if (back.ok()) {  // the last letter has bits that are not used
    RC_ASSERT(back->shown == Keys(values));
  }
}

RC_GTEST_PROP(PageCursorProperty, AnyTextIsRefusedWithoutHarm, (const std::string& text)) {
  RC_ASSERT(!PageCursor::Decode(text, "home", "u1").ok());
}

// Put together from docs/formats/page_cursor.md by another program (Python: hashlib, base64, a
// bitwise CRC-32C).
TEST(PageCursorTest, BytesAreAsDocumented) {
  PageCursor cursor{Keys({3, 300, 301})};
  const auto text = cursor.Encode("home", "u1");
  EXPECT_EQ(text, "AaKUoqNBSb3cAwOpAgFYQ-fo");
}

TEST(PageCursorTest, AnotherEndpointOrUnitIsRefused) {
  const auto text = PageCursor{Keys({1, 2})}.Encode("home", "u1");
  for (const auto& [endpoint, unit] : {std::pair("home", "u2"), std::pair("mail", "u1")}) {
    EXPECT_EQ(PageCursor::Decode(text, endpoint, unit).status().message(),
              "page: it belongs to another endpoint or unit");
  }
}

TEST(PageCursorTest, TheDeepestCursorStaysSmall) {
  std::vector<events::ItemKey> keys;
  for (uint32_t i = 0; i < PageCursor::kMaxShown; ++i) {
    keys.emplace_back(i * 200);  // spread over a million items
  }
  PageCursor cursor{std::move(keys)};
  const auto text = cursor.Encode("home", "u1");
  EXPECT_LT(text.size(), 14'000u);
  EXPECT_TRUE(PageCursor::Decode(text, "home", "u1").ok());
  cursor.Add({events::ItemKey(7)});
  EXPECT_FALSE(PageCursor::Decode(cursor.Encode("home", "u1"), "home", "u1").ok());
}

TEST(PageCursorTest, AddingKeepsTheKeysInOrderAndOnce) {
  PageCursor cursor{Keys({5, 9})};
  cursor.Add({events::ItemKey(9), events::ItemKey(1), events::ItemKey(7)});
  EXPECT_EQ(cursor.shown, Keys({1, 5, 7, 9}));
}

}  // namespace
}  // namespace hoego::serving
