#include "base/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

namespace hoego {
namespace {

// The text of a value after a round trip through the parser.
std::string RoundTrip(const std::string& json) {
  JsonParser parser;
  const auto root = parser.Parse(json);
  return root.ok() ? root->ToText() : root.status().ToString();
}

TEST(JsonParserTest, TellsKindsApart) {
  JsonParser parser;
  const auto root = parser.Parse(R"([null, true, -1, 18446744073709551615, 1.5, "x", [], {}])");
  ASSERT_TRUE(root.ok()) << root.status().ToString();
  using K = JsonRef::Kind;
  std::vector<K> kinds;
  std::vector<std::string> names;
  ASSERT_TRUE(root->ForEachElement([&](JsonRef e) -> Status {
                    kinds.push_back(e.kind());
                    names.emplace_back(e.kind_name());
                    return {};
                  })
                  .ok());
  EXPECT_EQ(kinds, (std::vector<K>{K::kNull, K::kBool, K::kInt, K::kUint, K::kDouble, K::kString,
                                   K::kArray, K::kObject}));
  EXPECT_EQ(names, (std::vector<std::string>{"null", "boolean", "number", "number", "number",
                                             "string", "array", "object"}));
  EXPECT_EQ(root->size(), 8U);
}

TEST(JsonParserTest, GivesValuesOnlyOfTheirKind) {
  JsonParser parser;
  const auto root =
      parser.Parse(R"({"i": 7, "d": 7.25, "w": 7.0, "s": "7", "b": false, "u": 18446744073709551615,
                                     "far": 1e300, "min": -9223372036854775808})");
  ASSERT_TRUE(root.ok());
  const auto at = [&](std::string_view key) { return *root->Find(key); };
  EXPECT_EQ(at("i").AsInt(), 7);
  EXPECT_EQ(at("i").AsDouble(), 7.0);
  EXPECT_EQ(at("d").AsInt(), std::nullopt);
  EXPECT_EQ(at("d").AsDouble(), 7.25);
  EXPECT_EQ(at("w").AsInt(), 7);
  EXPECT_EQ(at("s").AsInt(), std::nullopt);
  EXPECT_EQ(at("s").AsDouble(), std::nullopt);
  EXPECT_EQ(at("s").AsString(), "7");
  EXPECT_EQ(at("b").AsBool(), false);
  EXPECT_EQ(at("b").AsInt(), std::nullopt);
  EXPECT_EQ(at("u").AsInt(), std::nullopt);
  EXPECT_EQ(at("u").AsDouble(), 18446744073709551616.0);
  EXPECT_EQ(at("far").AsInt(), std::nullopt);
  EXPECT_EQ(at("min").AsInt(), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(root->Find("absent"), std::nullopt);
  EXPECT_EQ(at("i").Find("x"), std::nullopt);
  EXPECT_EQ(at("i").size(), 0U);
}

TEST(JsonParserTest, NamesTheFieldAndWhatWasExpected) {
  JsonParser parser;
  const auto root = parser.Parse(R"({"n": "three", "f": 1.5, "none": null, "o": {}})");
  ASSERT_TRUE(root.ok());
  EXPECT_EQ(root->RequireDouble("n").status().message(),
            "field \"n\": expected a number, got string");
  EXPECT_EQ(root->RequireInt("f").status().message(),
            "field \"f\": expected a whole number, got number");
  EXPECT_EQ(root->RequireString("o").status().message(),
            "field \"o\": expected a string, got object");
  EXPECT_EQ(root->RequireString("gone").status().message(),
            "field \"gone\": expected a string, got nothing");
  EXPECT_EQ(root->RequireString("none").status().code(), Code::kInvalidArgument);
  EXPECT_EQ(*root->StringOr("none", "x"), "x");
  EXPECT_EQ(*root->IntOr("gone", 4), 4);
  EXPECT_EQ(*root->DoubleOr("f", 0), 1.5);
  EXPECT_EQ(*root->StringOr("n", "x"), "three");
  EXPECT_EQ(root->BoolOr("n", true).status().message(),
            "field \"n\": expected true or false, got string");
  EXPECT_EQ(root->IntOr("n", 1).status().code(), Code::kInvalidArgument);
}

TEST(JsonParserTest, TheFirstOfTwoEqualKeysWins) {
  JsonParser parser;
  EXPECT_EQ(parser.Parse(R"({"a": 1, "a": 2})")->RequireInt("a").value(), 1);
}

TEST(JsonParserTest, RefusesWhatIsNotOneJsonValue) {
  JsonParser parser;
  for (const std::string_view bad : {"",
                                     " ",
                                     "{",
                                     "[1,]",
                                     "{\"a\":}",
                                     "{a:1}",
                                     "nul",
                                     "01",
                                     "+1",
                                     "1.",
                                     ".5",
                                     "1e",
                                     "NaN",
                                     "Infinity",
                                     "'x'",
                                     "\"\\x\"",
                                     "\"a\nb\"",
                                     "\"open",
                                     "1 2",
                                     "{} {}",
                                     "[1",
                                     "]",
                                     "{\"a\":1,}",
                                     "\"\\ud800\"",
                                     "\xff",
                                     "\"\xc0\x80\"",
                                     "1e400",
                                     "36893488147419103232",
                                     "99999999999999999999999999999999e999"}) {
    const auto root = parser.Parse(bad);
    ASSERT_FALSE(root.ok()) << bad;
    EXPECT_EQ(root.status().code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_TRUE(parser.Parse("[1]").ok());  // a refusal leaves the parser usable
}

TEST(JsonParserTest, AcceptsExactly64ValuesInsideEachOther) {
  JsonParser parser;
  for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    const auto nested = [&, o = std::string_view(open), c = std::string_view(close)](int levels) {
      std::string text;
      for (int i = 0; i < levels; ++i) {
        text += o;
      }
      text += '1';
      for (int i = 0; i < levels; ++i) {
        text += c;
      }
      return text;
    };
    EXPECT_TRUE(parser.Parse(nested(63)).ok());
    EXPECT_EQ(parser.Parse(nested(64)).status().code(), Code::kInvalidArgument);
    EXPECT_EQ(parser.Parse(nested(100'000)).status().code(), Code::kInvalidArgument);
    EXPECT_TRUE(parser.Parse(nested(63)).ok());
  }
}

TEST(JsonParserTest, VisitsInOrderAndStopsAtAFailure) {
  JsonParser parser;
  const auto root = parser.Parse(R"({"b": 1, "a": 2, "c": 3})");
  std::string keys;
  const Status stopped = root->ForEachField([&](std::string_view key, JsonRef) {
    keys += key;
    return key == "a" ? Status::Aborted("enough") : Status{};
  });
  EXPECT_EQ(stopped.message(), "enough");
  EXPECT_EQ(keys, "ba");
  EXPECT_EQ(root->ForEachElement([](JsonRef) { return Status{}; }).message(),
            "expected an array, got object");
  EXPECT_EQ(parser.Parse("[]")
                ->ForEachField([](std::string_view, JsonRef) { return Status{}; })
                .message(),
            "expected an object, got array");
}

TEST(JsonParserTest, ReadsTextThatEndsAtItsBuffer) {
  JsonParser parser;
  for (size_t n = 1; n < 200; ++n) {
    const std::string text = "\"" + std::string(n, 'x') + "\"";
    const std::vector<char> exact(text.begin(), text.end());  // no terminator, no slack
    EXPECT_TRUE(parser.Parse(std::string_view(exact.data(), exact.size())).ok());
  }
}

TEST(JsonParserTest, UnescapesStrings) {
  JsonParser parser;
  EXPECT_EQ(parser.Parse(R"("\u00e9\ud83d\ude00\n\/\"\\\u0000")")->AsString(),
            std::string_view("\xc3\xa9\xf0\x9f\x98\x80\n/\"\\\0", 11));
}

TEST(JsonWriterTest, WritesWhatTheHeaderShows) {
  JsonWriter w;
  w.BeginObject().Field("n", 3).Key("items").BeginArray().Int(1).Int(2).EndArray().EndObject();
  EXPECT_EQ(w.Take(), R"({"n":3,"items":[1,2]})");
}

TEST(JsonWriterTest, PlacesCommasAroundEveryShape) {
  JsonWriter w;
  w.BeginArray().BeginObject().EndObject().BeginArray().EndArray().Null().Bool(true).BeginObject();
  w.Key("a")
      .BeginObject()
      .EndObject()
      .Key("b")
      .BeginArray()
      .BeginArray()
      .EndArray()
      .EndArray()
      .Field("c", false);
  w.EndObject().Raw("[1, 2]").String("x").EndArray();
  EXPECT_EQ(w.text(), R"([{},[],null,true,{"a":{},"b":[[]],"c":false},[1, 2],"x"])");
}

TEST(JsonWriterTest, WritesEveryFieldType) {
  JsonWriter w;
  w.BeginObject()
      .Field("s", "x")
      .Field("v", std::string_view("y"))
      .Field("t", std::string("z"))
      .Field("i", -1);
  w.Field("l", std::numeric_limits<int64_t>::min())
      .Field("u", std::numeric_limits<uint64_t>::max());
  w.Field("w", 7U).Field("d", 0.1).Field("b", true).EndObject();
  EXPECT_EQ(w.Take(),
            R"({"s":"x","v":"y","t":"z","i":-1,"l":-9223372036854775808,"u":18446744073709551615,)"
            R"("w":7,"d":0.1,"b":true})");
}

TEST(JsonWriterTest, EscapesWhatMustBe) {
  EXPECT_EQ(JsonWriter().String(std::string_view("\"\\\n\r\t\b\x01\x1f\x7f\0", 10)).text(),
            "\"\\\"\\\\\\n\\r\\t\\u0008\\u0001\\u001f\x7f\\u0000\"");
  EXPECT_EQ(JsonWriter().String("회고 😀").text(), "\"회고 😀\"");
}

// The Unicode standard, table 3-8 (maximal subparts) is not followed to the letter: one U+FFFD for
// each bad byte.
TEST(JsonWriterTest, ReplacesInvalidUtf8) {
  constexpr std::string_view kBad = "\xef\xbf\xbd";
  const auto written = [](std::string_view s) { return JsonWriter().String(s).text(); };
  const auto quoted = [&](std::string_view before, int bad, std::string_view after) {
    std::string text = "\"" + std::string(before);
    for (int i = 0; i < bad; ++i) {
      text += kBad;
    }
    return text + std::string(after) + "\"";
  };
  EXPECT_EQ(written("a\x80z"), quoted("a", 1, "z"));
  EXPECT_EQ(written("a\xc3"), quoted("a", 1, ""));            // cut short
  EXPECT_EQ(written("\xc0\x80"), quoted("", 2, ""));          // overlong zero
  EXPECT_EQ(written("\xe0\x9f\xbf"), quoted("", 3, ""));      // overlong
  EXPECT_EQ(written("\xed\xa0\x80"), quoted("", 3, ""));      // a surrogate
  EXPECT_EQ(written("\xf4\x90\x80\x80"), quoted("", 4, ""));  // above U+10FFFF
  EXPECT_EQ(written("\xf5z"), quoted("", 1, "z"));
  EXPECT_EQ(written("\xf4\x8f\xbf\xbf"), "\"\xf4\x8f\xbf\xbf\"");
}

TEST(JsonWriterTest, NumbersWithoutAValueBecomeNull) {
  JsonWriter w;
  w.BeginArray().Double(std::nan("")).Double(HUGE_VAL).Double(-HUGE_VAL).Float(NAN).EndArray();
  EXPECT_EQ(w.text(), "[null,null,null,null]");
}

TEST(JsonWriterTest, WritesTheShortestDoubles) {
  const auto written = [](double v) { return JsonWriter().Double(v).text(); };
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(1e21), "1e+21");
  EXPECT_EQ(written(5e-324), "5e-324");
  EXPECT_EQ(written(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(written(-0.0), "-0.0");
  EXPECT_EQ(written(0x1p62), "4611686018427387904");
  EXPECT_EQ(written(1.2345678901234568e20),
            "1.2345678901234568e+20");  // in digits it would be an integer out of range
  EXPECT_EQ(written(-0x1p63), "-9.223372036854776e+18");
  EXPECT_EQ(JsonWriter().Float(0.1F).text(), "0.1");
  EXPECT_EQ(JsonWriter().Float(16777216.0F).text(), "16777216");
}

TEST(JsonWriterDeathTest, WrongNestingEndsTheProcess) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(JsonWriter().BeginObject().EndArray(), "check failed");
  EXPECT_DEATH(JsonWriter().EndObject(), "check failed");
  EXPECT_DEATH(JsonWriter().BeginObject().Int(1), "check failed");
  EXPECT_DEATH(JsonWriter().BeginArray().Key("a"), "check failed");
  EXPECT_DEATH(JsonWriter().BeginObject().Key("a").EndObject(), "check failed");
  EXPECT_DEATH(JsonWriter().BeginArray().Take(), "check failed");
}

RC_GTEST_PROP(JsonProperty, EveryDoubleReadsBackEqual, (uint64_t bits)) {
  // Half of them where plain digits are about as short as an exponent.
  const double v = bits % 2 == 0
                       ? std::bit_cast<double>(bits)
                       : std::ldexp(static_cast<double>(bits), static_cast<int>(bits % 24));
  RC_PRE(std::isfinite(v));
  JsonWriter w;
  w.BeginArray().Double(v).EndArray();
  JsonParser parser;
  double back = 0;
  RC_ASSERT(parser.Parse(w.text())
                ->ForEachElement([&](JsonRef e) -> Status {
                  back = *e.AsDouble();
                  return {};
                })
                .ok());
  RC_ASSERT(back == v);
  RC_ASSERT(std::signbit(back) == std::signbit(v));
  RC_ASSERT(std::strtod(w.text().c_str() + 1, nullptr) == v);
}

RC_GTEST_PROP(JsonProperty, EveryFloatReadsBackEqual, (uint32_t bits)) {
  const auto v = std::bit_cast<float>(bits);
  RC_PRE(std::isfinite(v));
  RC_ASSERT(std::strtof(JsonWriter().Float(v).text().c_str(), nullptr) == v);
}

RC_GTEST_PROP(JsonProperty, EveryStringIsWrittenAsValidJson, (const std::string& text)) {
  const std::string json = JsonWriter().String(text).text();
  JsonParser parser;
  const auto root = parser.Parse(json);
  RC_ASSERT(root.ok());
  // What was valid comes back as it was; a second trip changes nothing.
  const std::string once(*root->AsString());
  RC_ASSERT(JsonWriter().String(once).text() == json);
}

RC_GTEST_PROP(JsonProperty, IntegersReadBackEqual, (int64_t i, uint64_t u)) {
  JsonWriter w;
  w.BeginArray().Int(i).Uint(u).EndArray();
  RC_ASSERT(RoundTrip(w.text()) == w.text());
}

}  // namespace
}  // namespace hoego
