#include "serving/endpoint.h"

#include <gtest/gtest.h>

namespace hoego::serving {
namespace {

std::string Message(std::string_view json) {
  return std::string(EndpointDefinition::Parse(json, true).status().message());
}

TEST(EndpointTest, ReadsEveryFieldAndWritesTheSameBack) {
  const std::string json =
      R"({"model":"films@champion","fallback":["films@previous","popular"],"deadline_ms":20,)"
      R"("exploration":{"kind":"none"},"filters":{"seen":"allow","categories":["drama","comedy"]},)"
      R"("decisions":"durable"})";
  const auto d = EndpointDefinition::Parse(json, true);
  ASSERT_TRUE(d.ok()) << d.status().ToString();
  EXPECT_EQ(d->model, "films@champion");
  EXPECT_EQ(d->fallback, (std::vector<std::string>{"films@previous", "popular"}));
  EXPECT_EQ(d->deadline.count(), 20);
  EXPECT_EQ(d->seen, SeenItems::kAllow);
  EXPECT_EQ(d->categories, (std::vector<std::string>{"drama", "comedy"}));
  EXPECT_EQ(d->decisions, DecisionMode::kDurable);
  EXPECT_EQ(d->ToJson(), json);
}

TEST(EndpointTest, OnlyTheModelIsRequired) {
  const auto d = EndpointDefinition::Parse(R"({"model":"popular","fallback":null})", true);
  ASSERT_TRUE(d.ok());
  EXPECT_EQ(d->seen, SeenItems::kExclude);
  EXPECT_EQ(d->decisions, DecisionMode::kAsync);
  EXPECT_EQ(Message("{}"),
            "endpoint: field \"model\": expected a model like \"films@champion\", got nothing");
}

TEST(EndpointTest, AnExplorationThatIsNotSupportedYetIsRefusedByItsName) {
  for (const std::string kind : {"epsilon", "plackett_luce", "slots"}) {
    EXPECT_EQ(Message(R"({"model":"m","exploration":{"kind":")" + kind + R"("}})"),
              "endpoint: field \"exploration.kind\": not yet supported: " + kind);
  }
  EXPECT_EQ(Message(R"({"model":"m","exploration":{"kind":"magic"}})"),
            "endpoint: field \"exploration.kind\": expected one of none, epsilon, plackett_luce, "
            "slots, got \"magic\"");
}

TEST(EndpointTest, AWrongFieldIsNamedWithWhatWasExpected) {
  EXPECT_EQ(Message(R"({"modle":"m"})"),
            "endpoint: unknown field \"modle\", did you mean \"model\"?");
  EXPECT_EQ(Message(R"({"model":"m","filters":{"sean":"allow"}})"),
            "endpoint: unknown field \"filters.sean\", did you mean \"filters.seen\"?");
  EXPECT_EQ(Message(R"({"model":"m","deadline_ms":0})"),
            "endpoint: field \"deadline_ms\": expected a whole number, 1..60000, got 0");
  EXPECT_EQ(Message(R"({"model":"m","deadline_ms":"fast"})"),
            "endpoint: field \"deadline_ms\": expected a whole number, 1..60000, got \"fast\"");
  EXPECT_EQ(Message(R"({"model":"m","filters":{"seen":"maybe"}})"),
            "endpoint: field \"filters.seen\": expected one of exclude, allow, got \"maybe\"");
  EXPECT_EQ(Message(R"({"model":"m","decisions":1})"),
            "endpoint: field \"decisions\": expected one of async, durable, got number");
  EXPECT_EQ(Message(R"({"model":"m","fallback":"popular"})"),
            "endpoint: field \"fallback\": expected an array of strings, got string");
  EXPECT_EQ(Message(R"({"model":"m","fallback":[1]})"),
            "endpoint: field \"fallback\": expected strings that are not empty, got number");
  EXPECT_EQ(Message(R"({"model":"m","fallback":["a","a","a","a","a","a","a","a","a"]})"),
            "endpoint: field \"fallback\": expected at most 8 entries, got 9");
  EXPECT_EQ(Message("[]"), "endpoint: expected an object, got array");
}

TEST(EndpointTest, AFieldOfANewerServerIsReadFromTheLogButNotFromPeople) {
  const std::string_view json = R"({"model":"m","tint":"blue"})";
  EXPECT_TRUE(EndpointDefinition::Parse(json, false).ok());
  EXPECT_FALSE(EndpointDefinition::Parse(json, true).ok());
}

TEST(EndpointTest, ANameHoldsNothingThatAPathOrAReferenceNeeds) {
  EXPECT_TRUE(CheckEndpointName("home page, 홈").ok());
  for (const std::string_view bad : {"", "a@b", "a/b", "a:b", "a\nb", "\xff"}) {
    EXPECT_EQ(CheckEndpointName(bad).code(), Code::kInvalidArgument) << bad;
  }
  EXPECT_FALSE(CheckEndpointName(std::string(251, 'x')).ok());
}

TEST(EndpointTest, PopularIsTheBuiltInModel) {
  EXPECT_TRUE(Source::Parse("popular")->popular);
  const auto source = Source::Parse("films@champion");
  ASSERT_TRUE(source.ok());
  EXPECT_FALSE(source->popular);
  EXPECT_EQ(source->ref.model, "films");
  EXPECT_EQ(source->ref.alias, "champion");
}

}  // namespace
}  // namespace hoego::serving
