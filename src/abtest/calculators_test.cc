#include "abtest/calculators.h"

#include <gtest/gtest.h>

#include <charconv>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "abtest/internal/public_data.h"
#include "base/disk.h"
#include "base/json.h"
#include "base/line_reader.h"
#include "base/text.h"

namespace hoego::abtest {
namespace {

// "interval.0" → the element, or nothing.
std::optional<JsonRef> FindPath(JsonRef root, std::string_view path) {
  std::optional<JsonRef> at = root;
  for (const std::string_view part : Split(path, '.')) {
    if (at->is_array()) {
      size_t index = static_cast<size_t>(*ParseInt(part));
      std::optional<JsonRef> found;
      EXPECT_TRUE(at->ForEachElement([&](JsonRef v) {
                      if (index-- == 0) {
                        found = v;
                      }
                      return Status();
                    }).ok());
      at = found;
    } else {
      at = at->Find(part);
    }
    if (!at) {
      return std::nullopt;
    }
  }
  return at->is_null() ? std::nullopt : at;
}

bool ValueFits(const std::optional<JsonRef>& got, JsonRef want, double tolerance) {
  if (want.is_null()) {
    return !got;
  }
  if (!got) {
    return false;
  }
  if (want.is_array()) {
    bool any = false;
    EXPECT_TRUE(want.ForEachElement([&](JsonRef one) {
                      any = any || ValueFits(got, one, tolerance);
                      return Status();
                    })
                    .ok());
    return any;
  }
  if (const std::optional<bool> flag = want.AsBool()) {
    return got->AsBool() == flag;
  }
  const std::optional<double> v = got->AsDouble();
  return v && std::fabs(*v - *want.AsDouble()) <= tolerance;
}

// Empty when the reading fits whole, else what did not.
std::string Misfit(JsonRef answer, JsonRef reading) {
  std::string misfit;
  EXPECT_TRUE(reading
                  .ForEachField([&](std::string_view path, JsonRef want) {
                    const std::optional<JsonRef> got = FindPath(answer, path);
                    if (!ValueFits(got, *want.Find("value"), *want.Find("tolerance")->AsDouble())) {
                      misfit += std::string(path) + " is " + (got ? got->ToText() : "absent") +
                                ", want " + want.ToText() + "; ";
                    }
                    return Status();
                  })
                  .ok());
  return misfit;
}

// Why the case does not hold; empty when it does.
std::string CheckCase(JsonRef c) {
  const JsonRef body = *c.Find("body");
  const std::string text = body.is_string() ? std::string(*body.AsString()) : body.ToText();
  const Result<std::string> answer = Calculate(*c.Find("path")->AsString(), text);
  const JsonRef expect = *c.Find("expect");
  const std::optional<JsonRef> readings = expect.Find("readings");
  if (!readings) {
    if (answer.ok()) {
      return "answered " + *answer + " instead of a refusal";
    }
    const bool refused = answer.status().code() == Code::kInvalidArgument ||
                         answer.status().code() == Code::kFailedPrecondition;
    return refused && answer.status().message().size() > 10
               ? ""
               : "refused by " + answer.status().ToString();
  }
  if (!answer.ok()) {
    return "refused: " + answer.status().ToString();
  }
  JsonParser parser;
  const JsonRef parsed = parser.Parse(*answer).value();
  std::string why;
  bool fits = false;
  EXPECT_TRUE(readings
                  ->ForEachElement([&](JsonRef reading) {
                    const std::string misfit = Misfit(parsed, reading);
                    fits = fits || misfit.empty();
                    why += "[" + misfit + "] ";
                    return Status();
                  })
                  .ok());
  return fits ? "" : why;
}

// 556 cases computed with gbstats, scipy and statsmodels, in 34 groups: which of them hold.
TEST(CalculatorsTest, EveryCaseOfThePublishedOracleHolds) {
  const std::string path = internal::PublicData("oracles/statistics/cases.jsonl");
  HOEGO_NEEDS_DATA(path);
  LineReader lines = LineReader::Open(path).value();
  std::map<std::string, std::pair<int, int>> groups;  // held, all
  JsonParser parser;
  while (const std::optional<std::string_view> line = lines.Next().value()) {
    const JsonRef c = parser.Parse(*line).value();
    const std::string group(*c.Find("group")->AsString());
    const std::string why = CheckCase(c);
    EXPECT_EQ(why, "") << group << ": " << c.Find("body")->ToText();
    groups[group].first += why.empty() ? 1 : 0;
    groups[group].second += 1;
  }
  int held = 0;
  for (const auto& [group, count] : groups) {
    held += count.first;
    RecordProperty(group, std::to_string(count.first) + " of " + std::to_string(count.second));
  }
  EXPECT_EQ(groups.size(), 34U);
  EXPECT_EQ(held, 556);
}

TEST(CalculatorsTest, SaysWhatWasWrong) {
  const struct {
    const char* path;
    const char* body;
    const char* want;
  } cases[] = {
      {"/v1/statistics:effect", R"({"kind":"mean","alfa":0.1})",
       "field \"alfa\" is unknown, did you mean \"alpha\"?"},
      {"/v1/statistics:effect", R"({"kind":"median"})",
       "expected one of mean, proportion, ratio, quantile"},
      {"/v1/statistics:effect",
       R"({"kind":"mean","control":{"n":1,"sum":1,"sum_squares":1},"treatment":{"n":5,"sum":1,"sum_squares":1}})",
       "control: an arm has 1 units, at least 2 are needed"},
      {"/v1/statistics:srm", R"({"observed":[1,2],"expected":[1]})",
       "2 counts were observed but 1 are expected"},
      {"/v1/statistics:power", R"({"variance":1,"effect":0.1})",
       "1 of n, effect and power are given, expected two"},
      {"/v1/assign", R"({"seed":"s","value":[],"weights":[1]})",
       "field \"value\": expected a string or a number, got array"},
      {"/v1/statistics:nothing", "{}", "no calculator answers at /v1/statistics:nothing"},
  };
  for (const auto& c : cases) {
    const Result<std::string> answer = Calculate(c.path, c.body);
    ASSERT_FALSE(answer.ok()) << c.body;
    EXPECT_NE(answer.status().message().find(c.want), std::string_view::npos)
        << answer.status().ToString();
  }
}

TEST(CalculatorsTest, AnswersNoArmForAnUnknownHash) {
  EXPECT_EQ(
      Calculate(
          "/v1/assign",
          R"({"hash_version":99,"seed":"abc","value":"def","weights":[0.5,0.5],"coverage":1})")
          .value(),
      R"({"n":null,"arm":-1})");
}

}  // namespace
}  // namespace hoego::abtest
