#include "events/event_types.h"

#include <gtest/gtest.h>

#include "base/fault_disk.h"
#include "events/internal/store_for_tests.h"

namespace hoego::events {
namespace {

class DeclaredTypes : public testing::Test {
 protected:
  DeclaredTypes() : disk_(5), store_(disk_) { store_.Open(); }
  Status Check(std::string_view type, std::string_view properties) {
    JsonParser parser;
    const JsonRef json = parser.Parse(properties).value();
    return store_->types().Check(type, &json);
  }
  void Declare(std::string_view name, std::string_view json) {
    ASSERT_TRUE(store_->types().CheckDeclaration(json).ok());
    store_.MustAppend({Definition{"event_type", name, json}});
  }
  FaultDisk disk_;
  TestStore store_;
};

TEST_F(DeclaredTypes, ADeclarationInTheLogIsInForceWhenItIsAnswered) {
  Declare(
      "buy",
      R"({"fields":{"price":{"type":"number","required":true},"gift":{"type":"boolean"}},"on_violation":"refuse"})");
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(Check("buy", R"({"price":3})").ok());
    EXPECT_TRUE(Check("buy", R"({"price":3.5,"gift":true,"other":[]})").ok());
    EXPECT_TRUE(Check("buy", R"({"price":3,"gift":null})").ok());
    EXPECT_EQ(Check("buy", R"({})").message(),
              "event type \"buy\": property \"price\" is required");
    EXPECT_EQ(Check("buy", R"({"price":"3"})").message(),
              "event type \"buy\": property \"price\": expected number, got string");
    EXPECT_EQ(store_->types().Check("buy", nullptr).code(), Code::kInvalidArgument);
    EXPECT_EQ(store_->types().names(), std::vector<std::string>{"buy"});
    store_.Open();
  }
}

TEST_F(DeclaredTypes, WarningsAreCountedAndTaken) {
  Declare("buy", R"({"fields":{"price":{"type":"number","required":true}},"on_violation":"warn"})");
  EXPECT_TRUE(Check("buy", "{}").ok());
  EXPECT_NE(store_.metrics().PrometheusText().find(
                "hoego_event_type_violations_total{action=\"warned\"} 1"),
            std::string::npos);
  Declare("buy",
          R"({"fields":{"price":{"type":"number","required":true}},"on_violation":"accept"})");
  EXPECT_TRUE(Check("buy", "{}").ok());
}

TEST_F(DeclaredTypes, UnknownTypesFollowTheSetting) {
  EXPECT_TRUE(Check("anything", "{}").ok());
  store_->types().SetUnknownTypes(true);
  EXPECT_EQ(Check("anything", "{}").code(), Code::kInvalidArgument);
  Declare("anything", "{}");
  EXPECT_TRUE(Check("anything", "{}").ok());
}

TEST_F(DeclaredTypes, AWrongDeclarationIsRefusedByName) {
  const auto why = [&](std::string_view json) {
    return std::string(store_->types().CheckDeclaration(json).message());
  };
  EXPECT_EQ(why("[]"), "event type: expected an object, got array");
  EXPECT_EQ(why(R"({"field":{}})"), "event type: unknown key \"field\", did you mean \"fields\"?");
  EXPECT_EQ(why(R"({"on_violation":"explode"})"),
            "field \"on_violation\": expected accept, warn or refuse, got \"explode\"");
  EXPECT_NE(why(R"({"fields":{"price":{"type":"float"}}})").find("none of number, string"),
            std::string::npos);
  EXPECT_NE(why(R"({"fields":{"price":{"type":"number","requird":true}}})")
                .find("did you mean \"required\"?"),
            std::string::npos);
}

}  // namespace
}  // namespace hoego::events
