#include "api/native/ingest.h"

#include <gtest/gtest.h>

namespace hoego::native {
namespace {

// Takes every event.
class AnyType final : public events::EventTypes {
 public:
  Status CheckDeclaration(std::string_view) const override { return {}; }
  Status Apply(std::string_view, std::string_view) override { return {}; }
  std::string Get(std::string_view) const override { return ""; }
  std::vector<std::string> names() const override { return {}; }
  Status Check(std::string_view, const JsonRef*) const override { return {}; }
  void SetUnknownTypes(bool) override {}
};

ParsedBatch Parse(std::string_view body, bool ndjson = false) { return ParseBatch(body, ndjson, BatchShape::kEvents, AnyType()); }

TEST(IngestTest, ReadsEveryFieldOfAnEvent) {
  const ParsedBatch batch = Parse(R"({"id":"e","time":"2026-01-02T03:04:05Z","type":"watch","unit":"u\n1","item":"i",)"
                                  R"("value":2.5,"decision":"0190163d-8694-739b-aea5-966c26f8ad91","properties":{"a":[1, 2]}})");
  ASSERT_EQ(batch.error_count, 0U);
  ASSERT_EQ(batch.records.size(), 1U);
  const auto& e = std::get<events::NewEvent>(batch.records[0]);
  EXPECT_EQ(e.id, "e");
  EXPECT_EQ(e.unit, "u\n1");
  EXPECT_EQ(e.properties, R"({"a":[1,2]})");
  EXPECT_EQ(ToUnixMillis(*e.time), 1767323045000);
  EXPECT_EQ(e.value, 2.5);
  EXPECT_EQ(e.decision->ToString(), "0190163d-8694-739b-aea5-966c26f8ad91");
}

TEST(IngestTest, ViewsOfEarlierLinesSurviveLaterOnes) {
  std::string body;
  for (int i = 0; i < 3000; ++i) {
    body += fmt::format(R"({{"type":"watch","unit":"unit number {}","item":"{}","properties":{{"n":{}}}}})", i, i, i) + "\r\n\n";
  }
  const ParsedBatch batch = Parse(body, true);
  ASSERT_EQ(batch.records.size(), 3000U);
  EXPECT_EQ(batch.line_count, 3000U);
  for (int i = 0; i < 3000; ++i) {
    const auto& e = std::get<events::NewEvent>(batch.records[static_cast<size_t>(i)]);
    ASSERT_EQ(e.unit, fmt::format("unit number {}", i));
    ASSERT_EQ(e.properties, fmt::format(R"({{"n":{}}})", i));
  }
}

TEST(IngestTest, NamesWhatIsWrongWithALine) {
  const std::vector<std::pair<std::string_view, std::string_view>> table = {
      {R"([1])", "expected an object, got number"},
      {R"({"unit":"u"})", "type: required"},
      {R"({"type":"t"})", "unit: required"},
      {R"({"type":"t","unit":5})", "unit: expected a string, got number"},
      {R"({"type":"t","unit":"u","tim":1})", "unknown field \"tim\"; did you mean \"time\"?"},
      {R"({"type":"t","unit":"u","time":"yesterday"})", "time: time \"yesterday\": expected RFC 3339"},
      {R"({"type":"t","unit":"u","time":true})", "time: expected RFC 3339 text or Unix milliseconds, got boolean"},
      {R"({"type":"t","unit":"u","value":"1"})", "value: expected a number, got string"},
      {R"({"type":"t","unit":"u","decision":"d1"})", "decision: expected the decision_id of an answer (a UUID)"},
      {R"({"type":"t","unit":"u","properties":[]})", "properties: expected an object, got array"},
      {R"({"type":"t","unit":"u")", "not valid JSON"},
      {"", "not valid JSON"},
  };
  for (const auto& [body, says] : table) {
    const ParsedBatch batch = Parse(body);
    ASSERT_EQ(batch.error_count, 1U) << body;
    EXPECT_NE(batch.errors[0].error.find(says), std::string::npos) << body << ": " << batch.errors[0].error;
    EXPECT_TRUE(batch.records.empty());
  }
}

TEST(IngestTest, KeepsTwentyErrorsAndCountsAll) {
  std::string body;
  for (int i = 0; i < 50; ++i) {
    body += i % 2 == 0 ? "{}\n" : "{\"type\":\"t\",\"unit\":\"u\"}\n";
  }
  const ParsedBatch batch = Parse(body, true);
  EXPECT_EQ(batch.error_count, 25U);
  EXPECT_EQ(batch.errors.size(), 20U);
  EXPECT_EQ(batch.errors[1].index, 3U);
  EXPECT_EQ(batch.records.size(), 25U);
  EXPECT_EQ(batch.lines[0], 2U);
}

}  // namespace
}  // namespace hoego::native
