#include "base/text.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <string>
#include <vector>

namespace hoego {
namespace {

using Views = std::vector<std::string_view>;
using Strings = std::vector<std::string>;

TEST(TextTest, SplitsAtEverySeparator) {
  EXPECT_EQ(Split("a,b,,c", ','), (Views{"a", "b", "", "c"}));
  EXPECT_EQ(Split("", ','), (Views{""}));
  EXPECT_EQ(Split(",", ','), (Views{"", ""}));
  EXPECT_EQ(Split("abc", ','), (Views{"abc"}));
}

TEST(TextTest, TrimsAndLowers) {
  EXPECT_EQ(Trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(Trim(" \n "), "");
  EXPECT_EQ(ToLower("AbC-\xc3\x84Z"), "abc-\xc3\x84z");  // ASCII letters only
}

TEST(TextTest, ParsesWholeIntegersOnly) {
  EXPECT_EQ(ParseInt("-9223372036854775808"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(ParseInt("0042"), 42);
  for (const std::string_view bad :
       {"", "-", "+1", " 1", "1 ", "1.0", "0x10", "9223372036854775808", "1e3"}) {
    EXPECT_EQ(ParseInt(bad), std::nullopt) << bad;
  }
}

TEST(TextTest, ParsesWholeDoublesOnly) {
  EXPECT_EQ(ParseDouble("1.5"), 1.5);
  EXPECT_EQ(ParseDouble("-1e-3"), -0.001);
  EXPECT_EQ(ParseDouble("7"), 7.0);
  for (const std::string_view bad :
       {"", "nan", "inf", "-infinity", "1.5x", " 1", "+1", "1e999", "0x1p3", "."}) {
    EXPECT_EQ(ParseDouble(bad), std::nullopt) << bad;
  }
}

// Sequences from the Unicode standard, table 3-7 and Markus Kuhn's stress test.
TEST(TextTest, KnowsValidUtf8) {
  for (const std::string_view good :
       {"", "plain ASCII, longer than one machine word", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
        "\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
        "12345678\xed\x9a\x8c"}) {
    EXPECT_TRUE(IsValidUtf8(good)) << good;
  }
  for (const std::string_view bad :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41", "\xe0\x9f\xbf", "\xe0\xa0",
        "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf0\x90\x80", "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80", "\xfe", "\xff", "12345678\xff", "1234567\xff"}) {
    EXPECT_FALSE(IsValidUtf8(bad)) << bad;
  }
}

TEST(TextTest, TurnsLatin1IntoUtf8) {
  EXPECT_EQ(Latin1ToUtf8("caf\xe9 \xff\x80"), "caf\xc3\xa9 \xc3\xbf\xc2\x80");
}

RC_GTEST_PROP(TextProperty, EveryLatin1TextIsValidUtf8AfterTurning, (const std::string& text)) {
  RC_ASSERT(IsValidUtf8(Latin1ToUtf8(text)));
}

TEST(TextTest, ParsesDurations) {
  EXPECT_EQ(*ParseDurationMs("10ms"), 10);
  EXPECT_EQ(*ParseDurationMs("5s"), 5000);
  EXPECT_EQ(*ParseDurationMs("2m"), 120'000);
  EXPECT_EQ(*ParseDurationMs("1h"), 3'600'000);
  EXPECT_EQ(*ParseDurationMs("90d"), 90LL * 86'400'000);
  EXPECT_EQ(*ParseDurationMs(" 1.5 s "), 1500);
  EXPECT_EQ(*ParseDurationMs("0"), 0);
  for (const std::string_view bad :
       {"", "5", "s", "5 sec", "-1s", "1e3s", "1..5s", "99999999999999999d", "5S", "5s5"}) {
    EXPECT_EQ(ParseDurationMs(bad).status().code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_EQ(ParseDurationMs("5 sec").status().message(),
            "duration \"5 sec\": expected a number and a unit of ms, s, m, h, d, such as 10ms");
}

TEST(TextTest, ParsesBytes) {
  EXPECT_EQ(*ParseBytes("4096"), 4096U);
  EXPECT_EQ(*ParseBytes("64MiB"), 64U << 20);
  EXPECT_EQ(*ParseBytes("10kB"), 10'000U);
  EXPECT_EQ(*ParseBytes("1.5 KiB"), 1536U);
  EXPECT_EQ(*ParseBytes("2TiB"), 2ULL << 40);
  for (const std::string_view bad :
       {"", "MiB", "5 apples", "-1", "64mib", "1K", "1e3", "99999999999TiB"}) {
    EXPECT_EQ(ParseBytes(bad).status().code(), Code::kInvalidArgument) << bad;
  }
}

TEST(TextTest, WritesBytesForPeople) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(1023), "1023 B");
  EXPECT_EQ(HumanBytes(1024), "1.0 KiB");
  EXPECT_EQ(HumanBytes(1468006), "1.4 MiB");
  EXPECT_EQ(HumanBytes((1ULL << 20) - 1), "1.0 MiB");  // never "1024.0 KiB"
  EXPECT_EQ(HumanBytes(~0ULL), "16.0 EiB");
}

TEST(TextTest, WritesCountsForPeople) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(943), "943");
  EXPECT_EQ(HumanCount(12.5), "12.5");
  EXPECT_EQ(HumanCount(1000), "1.0 k");
  EXPECT_EQ(HumanCount(1234567), "1.2 M");
  EXPECT_EQ(HumanCount(999'999), "1.0 M");
  EXPECT_EQ(HumanCount(-2500), "-2.5 k");
  EXPECT_EQ(HumanCount(3e15), "3000.0 T");
}

TEST(TextTest, FindsTheNearestName) {
  const Strings known = {"events.segment_bytes", "events.fsync", "http.threads", "simd"};
  EXPECT_EQ(NearestName("events.segment_byte", known), "events.segment_bytes");
  // Two pairs of neighbours swapped are two edits; as four changes they would be too many.
  EXPECT_EQ(NearestName("evnets.fysnc", known), "events.fsync");
  EXPECT_EQ(NearestName("http.thread_s", known), "http.threads");
  EXPECT_EQ(NearestName("smid", known), "simd");
  EXPECT_EQ(NearestName("sxyz", known), std::nullopt);  // three edits, more than half
  EXPECT_EQ(NearestName("completely.different", known), std::nullopt);
  EXPECT_EQ(NearestName("", known), std::nullopt);
  EXPECT_EQ(NearestName(std::string(1'000'000, 'x'), known), std::nullopt);
  // kitten → sitting takes three edits, the textbook's example.
  EXPECT_EQ(NearestName("kitten", {"sitting"}), "sitting");
  EXPECT_EQ(NearestName("kitten", {"sittings"}), std::nullopt);
}

TEST(TextTest, EscapesHtml) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">Tom & 'J'</a>"),
            "&lt;a href=&quot;x&quot;&gt;Tom &amp; &#39;J&#39;&lt;/a&gt;");
}

TEST(TextTest, PercentCoding) {
  EXPECT_EQ(PercentEncode("a b/c~\xed\x9a\x8c-._"), "a%20b%2Fc~%ED%9A%8C-._");
  EXPECT_EQ(PercentDecode("a%20b%2fc+%ED%9a%8c"), "a b/c+\xed\x9a\x8c");
  for (const std::string_view bad : {"%", "%2", "a%zz", "%2g", "%%20"}) {
    EXPECT_EQ(PercentDecode(bad), std::nullopt) << bad;
  }
}

RC_GTEST_PROP(TextProperty, PercentCodingIsARoundTrip, (const std::string& text)) {
  RC_ASSERT(PercentDecode(PercentEncode(text)) == text);
}

TEST(TextTest, ParsesCsvRecords) {
  EXPECT_EQ(*ParseCsvLine("a,b,c"), (Strings{"a", "b", "c"}));
  EXPECT_EQ(*ParseCsvLine(""), (Strings{""}));
  EXPECT_EQ(*ParseCsvLine(","), (Strings{"", ""}));
  EXPECT_EQ(*ParseCsvLine("\"a,b\",\"say \"\"hi\"\"\",\"\""), (Strings{"a,b", "say \"hi\"", ""}));
  EXPECT_EQ(*ParseCsvLine("a|\"b|c\"", '|'), (Strings{"a", "b|c"}));
  EXPECT_EQ(*ParseCsvLine("\"two\nlines\",x"), (Strings{"two\nlines", "x"}));
  EXPECT_EQ(*ParseCsvLine(" a , b"), (Strings{" a ", " b"}));  // blanks are part of a field
  EXPECT_EQ(ParseCsvLine("x,\"open").status().message(),
            "column 3: the quote opened here is never closed");
  EXPECT_EQ(ParseCsvLine("\"a\"b,c").status().message(),
            "column 4: expected ',' or the line's end after a closing quote");
  EXPECT_EQ(ParseCsvLine("a\"b").status().code(), Code::kInvalidArgument);
}

RC_GTEST_PROP(TextProperty, EveryRecordSurvivesCsv, (const std::vector<std::string>& fields)) {
  RC_PRE(!fields.empty());
  std::string line;
  for (const std::string& field : fields) {
    line += line.empty() && &field == fields.data() ? "\"" : ",\"";
    for (const char c : field) {
      line += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    line += '"';
  }
  RC_ASSERT(*ParseCsvLine(line) == fields);
}

}  // namespace
}  // namespace hoego
